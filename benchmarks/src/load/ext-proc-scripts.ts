// SPDX-License-Identifier: Apache-2.0
import { externalProcessorProcessPath, processingRequest } from '@llm-d/protos';
import { tokenOf } from './answers.ts';
import { chatBody } from './chat-requests.ts';
import {
  END_HEADERS,
  Frame,
  frame,
  headerBlock,
  messageFrames,
  templateOf,
  type FrameTemplate,
} from './frame-template.ts';

/** What Envoy says during one HTTP exchange, prepared: each part is sent when the processor has answered the last. */
export interface ExtProcScript {
  /** Opens the stream and carries the client's request. */
  readonly request: FrameTemplate;
  /** Head of the server's answer. */
  readonly responseHead: FrameTemplate;
  /** One chunk of the answer's body; sent `chunks` times. */
  readonly chunk: FrameTemplate;
  readonly chunks: number;
  /** The last of the body. */
  readonly end: FrameTemplate;
}

/** Envoy hands a body on in pieces of its buffer's size, which the usual configuration makes 32 KiB. */
const BODY_PIECE_BYTES = 32_768;

const headers = (fields: Readonly<Record<string, string>>) => ({
  headers: {
    headers: Object.entries(fields).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })),
  },
  endOfStream: false,
});

const opening = frame(
  Frame.headers,
  END_HEADERS,
  0,
  headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', externalProcessorProcessPath],
    [':authority', 'epp'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['x-envoy-internal', 'true'],
  ]),
);

const said = (...messages: Parameters<typeof processingRequest.encode>[0][]): FrameTemplate =>
  templateOf(messageFrames(messages.map((message) => processingRequest.encode(message))));

/** The messages for a chat request of `bytes` bytes, as an HTTP/1.1 client's: the body, then an empty end of it. */
function requestPart(bytes: number, variant: number, stream: boolean): FrameTemplate {
  const body = Buffer.from(chatBody({ bytes, variant, stream }));
  const pieces = Array.from({ length: Math.ceil(body.length / BODY_PIECE_BYTES) }, (_, i) =>
    body.subarray(i * BODY_PIECE_BYTES, (i + 1) * BODY_PIECE_BYTES),
  );
  const requestHeaders = headers({
    ':authority': 'gateway',
    ':path': '/v1/chat/completions',
    ':method': 'POST',
    ':scheme': 'http',
    'user-agent': 'OpenAI/Python 1.99.0',
    authorization: 'Bearer sk-benchmark',
    accept: 'application/json',
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-forwarded-proto': 'http',
    'x-request-id': `3f1d2c4b-0000-4000-8000-${String(variant).padStart(12, '0')}`,
  });
  const messages = [
    { requestHeaders },
    ...pieces.map((piece) => ({ requestBody: { body: piece, endOfStream: false } })),
    { requestBody: { body: Buffer.alloc(0), endOfStream: true } },
  ].map((message) => processingRequest.encode(message));
  return templateOf([opening, ...messageFrames(messages)]);
}

const usage = { prompt_tokens: 2000, completion_tokens: 20, total_tokens: 2020 };
const body = (text: string, endOfStream = false) => ({
  responseBody: { body: Buffer.from(text), endOfStream },
});
const head = (type: string) => ({
  responseHeaders: headers({ ':status': '200', 'content-type': type, server: 'uvicorn' }),
});

/** A request whose answer is one JSON document of 1 KB. */
export function wholeScript(bytes: number, variant: number): ExtProcScript {
  const answer = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'bench-model',
    choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(800) } }],
    usage,
  });
  return {
    request: requestPart(bytes, variant, false),
    responseHead: said(head('application/json')),
    chunk: said(body(answer)),
    chunks: 1,
    end: said(body('', true)),
  };
}

/** A request whose answer is `chunks` events of 250 bytes, each in a message of its own. */
export const streamedScript = (bytes: number, variant: number, chunks: number): ExtProcScript => ({
  request: requestPart(bytes, variant, true),
  responseHead: said(head('text/event-stream; charset=utf-8')),
  chunk: said(body(`data: ${tokenOf(250)}\n\n`)),
  chunks,
  end: said(
    body(
      `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [], usage })}\n\ndata: [DONE]\n\n`,
      true,
    ),
  ),
});
