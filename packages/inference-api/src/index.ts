// SPDX-License-Identifier: Apache-2.0
export { apiOfPath, apis } from './api.ts';
export { createRequestParser, parseRequest } from './request-parser.ts';
export { changeBody, removeSpans, spliceModel } from './body-splice.ts';
export { byteLengthOf, cutAt } from './chunk-list.ts';
export { createResponseObserver } from './response-observer.ts';
export { createModelRestorer } from './model-restore.ts';
export { createSseParser } from './sse-parser.ts';
export { mergeModelLists, readModelList } from './model-list.ts';
export {
  anthropicErrorType,
  apiError,
  apiErrorBody,
  apiErrorCodes,
  openAiErrorType,
} from './api-error.ts';
export { anthropicToChat } from './anthropic-to-chat.ts';
export { changeJsonMembers, readJsonMembers } from './json/json-members.ts';
export { NumberText, parseJsonText, writeJsonText, writePythonJson } from './json/json-text.ts';
export { readImageSize } from './image-size.ts';
export { BYTES_PER_ESTIMATED_TOKEN, estimateTokens } from './token-estimate.ts';

export type { ApiDescriptor, ApiKind } from './api-descriptor.ts';
export type { RequestParser, RequestParserOptions } from './request-parser.ts';
export type { ByteSpan, MediaItem, ParsedRequest, ParseResult, Prompt } from './parsed-request.ts';
export type {
  Field,
  FieldSpec,
  MediaKind,
  ObjectShape,
  Shape,
  StringUse,
} from './request-shape.ts';
export type {
  JsonMember,
  JsonMembers,
  JsonObjectMembers,
  MemberChanges,
} from './json/json-members.ts';
export type { JsonObject, JsonText } from './json/json-text.ts';
export type { ImageSize } from './image-size.ts';
export type { BodyChange } from './body-splice.ts';
export type {
  ResponseObservation,
  ResponseObserver,
  ResponseObserverOptions,
} from './response-observer.ts';
export type { Usage } from './usage.ts';
export type { ModelRestorer, ModelRestorerOptions } from './model-restore.ts';
export type { SseParser, SseParserOptions } from './sse-parser.ts';
export type { ModelEntry, ModelList } from './model-list.ts';
export type { ApiError, ApiErrorCode } from './api-error.ts';
