// SPDX-License-Identifier: Apache-2.0
import { sleep, systemClock } from '@llm-d/determinism';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ReceivedRequest } from './model-server.ts';

/** What a scripted server does with one request. */
export type Behaviour =
  /** A whole answer; a short chat completion unless `body` says otherwise. */
  | {
      readonly kind: 'answer';
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Answers with the method, path, headers and body that it received, as JSON. */
  | { readonly kind: 'echo' }
  /** Does nothing for a while, then something else. Ends with the client. */
  | { readonly kind: 'wait'; readonly ms: number; readonly then: Behaviour }
  /** An event stream of `chunks` deltas and `[DONE]`, `pauseMs` apart (default 0). */
  | { readonly kind: 'stream'; readonly chunks: number; readonly pauseMs?: number }
  /** Cuts the connection: before the head, after the head, or after `chunks` (default 2) deltas of a stream. */
  | {
      readonly kind: 'die';
      readonly when: 'before-head' | 'after-head' | 'mid-stream';
      readonly chunks?: number;
    }
  /** Never says anything, or (`after: 'head'`) nothing more after its head, or (`after: 'chunk'`) one delta. */
  | { readonly kind: 'hang'; readonly after?: 'head' | 'chunk' }
  /** A body of `bytes` bytes, written only as fast as the other side reads. */
  | { readonly kind: 'huge'; readonly bytes: number };

/** Chooses what happens to a request, for instance by how many came before it. */
export type Script = (request: ReceivedRequest) => Behaviour;

const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8' };
const HUGE_PIECE = Buffer.alloc(64 * 1024, 'x');

/** Acts a behaviour out. Resolves when nothing more will happen, also when the client is gone. */
export async function perform(
  behaviour: Behaviour,
  request: ReceivedRequest,
  response: ServerResponse,
): Promise<void> {
  switch (behaviour.kind) {
    case 'answer':
      response.writeHead(behaviour.status ?? 200, {
        'content-type': 'application/json',
        ...behaviour.headers,
      });
      response.end(behaviour.body ?? chatCompletion);
      return;
    case 'echo':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...request, body: request.body.toString('latin1') }));
      return;
    case 'wait':
      await pause(behaviour.ms, response);
      if (!response.destroyed) await perform(behaviour.then, request, response);
      return;
    case 'stream':
      await stream(response, behaviour);
      response.end('data: [DONE]\n\n');
      return;
    case 'die':
      await die(response, behaviour);
      return;
    case 'hang':
      if (behaviour.after !== undefined) response.writeHead(200, EVENT_STREAM).flushHeaders();
      if (behaviour.after === 'chunk') response.write(delta(0));
      return;
    case 'huge':
      await writeHuge(response, behaviour.bytes, request);
  }
}

interface Stream {
  readonly chunks: number;
  readonly pauseMs?: number;
}

async function stream(response: ServerResponse, { chunks, pauseMs = 0 }: Stream): Promise<void> {
  response.writeHead(200, EVENT_STREAM);
  for (let i = 0; i < chunks && !response.destroyed; i++) {
    response.write(delta(i));
    await pause(pauseMs, response);
  }
}

async function die(
  response: ServerResponse,
  { when, chunks = 2 }: Extract<Behaviour, { kind: 'die' }>,
): Promise<void> {
  if (when === 'after-head') response.writeHead(200, EVENT_STREAM).flushHeaders();
  if (when === 'mid-stream') await stream(response, { chunks });
  // What was written must reach the other side first, or it would see a death before the head.
  if (when !== 'before-head') await pause(20, response);
  response.socket?.resetAndDestroy();
}

async function writeHuge(
  response: ServerResponse,
  bytes: number,
  request: ReceivedRequest,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(bytes) });
  for (let left = bytes; left > 0 && !response.destroyed; left -= HUGE_PIECE.length) {
    const piece = HUGE_PIECE.subarray(0, Math.min(left, HUGE_PIECE.length));
    request.bytesWritten += piece.length;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

async function pause(ms: number, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  const abort = () => {
    gone.abort();
  };
  response.once('close', abort);
  await sleep(systemClock, ms, gone.signal).catch(() => undefined);
  response.off('close', abort);
}

async function drained(response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  const closed = () => {
    gone.abort();
  };
  response.once('close', closed);
  await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
  response.off('close', closed);
}

const delta = (index: number): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    model: 'test-model',
    choices: [{ index: 0, delta: { content: `w${index} ` }, finish_reason: null }],
  })}\n\n`;

const chatCompletion = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 0,
  model: 'test-model',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
});
