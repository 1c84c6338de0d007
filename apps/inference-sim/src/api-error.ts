// SPDX-License-Identifier: Apache-2.0

/** An answer that is an error in vLLM's form: `{"error":{message,type,param,code}}`. */
export class ApiError extends Error {
  readonly code = 'API_ERROR';
  readonly status: number;
  readonly type: string;
  /** The request field at fault, in vLLM's notation. */
  readonly param: string | null;

  constructor(status: number, message: string, options: { type?: string; param?: string } = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.type = options.type ?? 'BadRequestError';
    this.param = options.param ?? null;
  }

  body(): string {
    const { message, type, param, status } = this;
    return JSON.stringify({ error: { message, type, param, code: status } });
  }
}

/** A field with a value that vLLM's own checks refuse. */
export function invalidParameter(message: string, param: string, value?: string): ApiError {
  const detail = value === undefined ? `parameter=${param}` : `parameter=${param}, value=${value}`;
  return new ApiError(400, `${message} (${detail})`, { param });
}

/** One fault as pydantic would describe it. */
export interface ValidationFault {
  readonly type: string;
  readonly loc: string;
  readonly msg: string;
  /** Already in Python's notation. */
  readonly input: string;
  readonly ctx?: string;
}

/** A body that does not match the schema, in the words of vLLM's validation. */
export function validationError(fault: ValidationFault): ApiError {
  const { type, loc, msg, input, ctx } = fault;
  const tail = ctx === undefined ? '' : `, 'ctx': {'error': '${ctx}'}`;
  const text = `{'type': '${type}', 'loc': '${loc}', 'msg': '${msg}', 'input': ${input}${tail}}`;
  return new ApiError(400, `1 validation error:\n  ${text}`, { type: 'Bad Request', param: loc });
}

export function unsupportedMediaType(): ApiError {
  const message =
    "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed";
  return new ApiError(400, message, { type: 'Bad Request' });
}

export function unknownModel(model: string, known: readonly string[]): ApiError {
  const message = `The model \`${model}\` does not exist. Valid aliases: ${known.join(', ')}.`;
  return new ApiError(404, message, { type: 'NotFoundError', param: 'model' });
}

export function engineBusy(): ApiError {
  const message =
    'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';
  return new ApiError(503, message, { type: 'Service Unavailable' });
}

export function promptTooLong(tokens: number, maxModelLen: number): ApiError {
  const message =
    `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains ${tokens} input tokens, ` +
    'which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.';
  return invalidParameter(message, 'input_tokens', String(tokens));
}

/** Characters that a prompt's text may have for each token of the model's length; longer ones are not even tokenized. */
export const MAX_CHARACTERS_PER_TOKEN = 12;

export function promptTextTooLong(characters: number, maxModelLen: number): ApiError {
  const message =
    `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains ${characters} characters ` +
    `(more than ${MAX_CHARACTERS_PER_TOKEN * maxModelLen} characters, which is the upper bound for ${maxModelLen} input tokens). ` +
    'Please reduce the length of the input prompt.';
  return invalidParameter(message, 'input_text', String(characters));
}
