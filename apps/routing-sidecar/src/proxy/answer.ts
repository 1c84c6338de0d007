// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { answerHeaders } from './passed-headers.ts';

/** A server's whole answer. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** Types of errors, as vLLM and llm-d's sidecar name them, with the status each goes with. */
export const errorTypes = {
  BadRequestError: 400,
  PayloadTooLarge: 413,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
} as const;
export type ErrorType = keyof typeof errorTypes;

/** Answers with an error in vLLM's shape. Does nothing where the answer has begun or the client is gone. */
export function answerError(
  response: ServerResponse,
  type: ErrorType,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const code = errorTypes[type];
  const body = JSON.stringify({ object: 'error', message, type, param: null, code });
  answerWith(response, code, { 'content-type': 'application/json', ...headers }, body);
}

/** llm-d's answer where no server that was named may be asked. */
export function answerForbidden(response: ServerResponse): void {
  answerText(response, 403, 'Forbidden: prefill target not allowed by SSRF protection\n');
}

/** Answers with a line of text. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  };
  answerWith(response, status, headers, text);
}

/** Hands a server's answer on. */
export function answerVerbatim(response: ServerResponse, answer: WholeAnswer): void {
  const headers = answerHeaders(answer.headers, { keepsLength: false });
  answerWith(response, answer.status, headers, answer.body);
}

function answerWith(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | string[]>,
  body: string | Buffer,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  response.end(body);
}
