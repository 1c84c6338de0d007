// SPDX-License-Identifier: Apache-2.0
import { apis } from './api.ts';
import type { ApiKind } from './api-descriptor.ts';

/**
 * Every code an error answer of this platform carries, with the HTTP status it goes with.
 * The table in the README is checked against this one.
 */
export const apiErrorCodes = {
  /** The body is not JSON. */
  invalid_json: 400,
  /** The body is not UTF-8. */
  invalid_utf8: 400,
  /** Arrays and objects are nested deeper than is accepted. */
  nesting_too_deep: 400,
  /** A field has another JSON type than the API defines. */
  invalid_type: 400,
  /** A field has the right type and a value that is not accepted. */
  invalid_value: 400,
  /** A field that the API needs is missing. */
  missing_required_parameter: 400,
  /** No or wrong credentials. */
  invalid_api_key: 401,
  /** The credentials do not allow this. */
  permission_denied: 403,
  /** No API is served at this path. */
  not_found: 404,
  /** No model of this name is served. */
  model_not_found: 404,
  /** The path is served, but not with this method. */
  method_not_allowed: 405,
  /** The body has more bytes than are accepted. */
  body_too_large: 413,
  /** The body is not announced as JSON. */
  unsupported_media_type: 415,
  /** The caller, or the platform, has taken on all it can; try again later. */
  rate_limit_exceeded: 429,
  /** The request was admitted and then evicted in favour of others. */
  request_evicted: 429,
  /** A fault of the platform. */
  internal_error: 500,
  /** The model server broke off or answered what is no HTTP. */
  bad_gateway: 502,
  /** No model server can take the request at the moment. */
  service_unavailable: 503,
  /** The model server did not answer in time. */
  gateway_timeout: 504,
} as const;

/** A code of {@link apiErrorCodes}. */
export type ApiErrorCode = keyof typeof apiErrorCodes;

/** An error as it is answered to a client. */
export interface ApiError {
  readonly status: number;
  readonly code: ApiErrorCode;
  /** OpenAI's error type; see {@link openAiErrorType}. */
  readonly type: string;
  /** JSON path of the field at fault, such as `messages[2].content`; null if it is no field's. */
  readonly param: string | null;
  readonly message: string;
}

const openAiTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'service_unavailable',
};

const anthropicTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** OpenAI's error `type` of a status: `invalid_request_error` for other 4xx, `server_error` for other 5xx. */
export function openAiErrorType(status: number): string {
  return openAiTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
}

/** Anthropic's error `type` of a status: `invalid_request_error` for other 4xx, `api_error` for other 5xx. */
export function anthropicErrorType(status: number): string {
  return anthropicTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

/** An error with the status and type that belong to its code. */
export function apiError(
  code: ApiErrorCode,
  message: string,
  param: string | null = null,
): ApiError {
  const status = apiErrorCodes[code];
  return { status, code, type: openAiErrorType(status), param, message };
}

/**
 * The JSON text of an error answer: `{"error":{"message","type","param","code"}}`, and for Anthropic's APIs
 * `{"type":"error","error":{"type","message"}}`. `api` is undefined where the path named none: then it is OpenAI's.
 */
export function apiErrorBody(error: ApiError, api?: ApiKind): string {
  const { status, message, type, param, code } = error;
  return JSON.stringify(
    api !== undefined && apis[api].errors === 'anthropic'
      ? { type: 'error', error: { type: anthropicErrorType(status), message } }
      : { error: { message, type, param, code } },
  );
}
