// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';

/** Sends a whole body of JSON. Does nothing if the answer has begun or the client is gone. */
export function sendJson(response: ServerResponse, status: number, body: string): void {
  send(response, status, { body, contentType: 'application/json' });
}

/** Sends a whole body. Without a content type, as vLLM does it for some answers, none is stated. */
export function send(
  response: ServerResponse,
  status: number,
  content: { readonly body: string; readonly contentType?: string },
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-length': Buffer.byteLength(content.body),
    ...(content.contentType === undefined ? {} : { 'content-type': content.contentType }),
  });
  response.end(content.body);
}
