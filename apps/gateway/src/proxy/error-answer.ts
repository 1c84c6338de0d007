// SPDX-License-Identifier: Apache-2.0
import type { Refusal } from '@llm-d/endpoint-picker';
import { apiError, apiErrorBody, type ApiError, type ApiKind } from '@llm-d/inference-api';
import { STATUS_CODES } from 'node:http';
import type { FrontResponse } from '../front/listener.ts';

export interface ErrorAnswerOptions {
  /** Decides the shape of the body; undefined where the path named no API. */
  readonly api?: ApiKind | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers with an error in the API's own shape. Does nothing where the client is gone. */
export function answerError(
  response: FrontResponse,
  error: ApiError,
  { api, headers = {} }: ErrorAnswerOptions = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = apiErrorBody(error, api);
  response.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  });
  response.end(body);
}

/** The error a refusal is told with; its drop reason and retry time travel as headers. */
export function errorOfRefusal(refusal: Refusal): {
  readonly error: ApiError;
  readonly headers: Readonly<Record<string, string>>;
} {
  const code = refusal.status === 429 ? 'rate_limit_exceeded' : 'service_unavailable';
  return {
    error: apiError(code, refusal.message),
    headers: {
      'retry-after': String(refusal.retryAfterSeconds),
      'x-llm-d-request-dropped-reason': refusal.reason,
    },
  };
}

const CLIENT_ERRORS: Readonly<
  Record<string, { readonly status: number; readonly message: string }>
> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'the request head is larger than is accepted' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'the request was not complete in time' },
};

/** The raw HTTP/1.1 answer to bytes that are no request, which closes the connection. */
export function rejectionOf(code: string | undefined): string {
  const { status, message } = CLIENT_ERRORS[code ?? ''] ?? {
    status: 400,
    message: `the request is not valid HTTP/1.1${code === undefined ? '' : ` (${code})`}`,
  };
  const error = { type: 'invalid_request_error', param: null, code: 'invalid_http', message };
  const body = JSON.stringify({ error });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
