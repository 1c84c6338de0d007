// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { Pool } from 'undici';

/** Why a service gave no answer that is of use. */
export type JsonServiceFailure =
  'unreachable' | 'timeout' | 'aborted' | 'bad-status' | 'too-large' | 'not-json';

/** A call that came to nothing. `failure` says how to react, `cause` what the network said. */
export class JsonServiceError extends Error {
  readonly code = 'JSON_SERVICE';
  readonly failure: JsonServiceFailure;
  readonly url: string;
  /** Of an answer that was refused for it. */
  readonly status: number | undefined;

  constructor(
    failure: JsonServiceFailure,
    url: string,
    options?: ErrorOptions & { readonly detail?: string; readonly status?: number },
  ) {
    super(`${url}: ${options?.detail ?? failure}`, options);
    this.name = 'JsonServiceError';
    this.failure = failure;
    this.url = url;
    this.status = options?.status;
  }
}

/** One call. */
export interface JsonCall {
  /** Below the base URL, beginning with a slash. */
  readonly path: string;
  /** JSON; without it the call is a GET. */
  readonly body?: string | Uint8Array;
  readonly timeoutMs: number;
  /** Ends the call early. */
  readonly signal?: AbortSignal;
}

/** A service beside the picker that speaks JSON over HTTP/1.1. */
export interface JsonService {
  readonly url: string;
  /** The answer, parsed; undefined where it has no body. Rejects with {@link JsonServiceError} and nothing else. */
  call(call: JsonCall): Promise<unknown>;
  /** Ends what is under way and closes the connections. */
  close(): Promise<void>;
}

export interface JsonServiceOptions {
  /** With a path where the service is not at the root. */
  readonly url: string;
  readonly clock: Clock;
  /** Most connections. Default 16, as llm-d keeps to its renderer. */
  readonly connections?: number;
  /** Largest answer that is read. Default 64 MiB. */
  readonly maxAnswerBytes?: number;
}

/** What of a refusal is worth a line in a log. */
const SNIPPET_BYTES = 1024;
const CONNECT_TIMEOUT_MS = 1000;

/** Opens connections when they are needed. Throws a TypeError where `url` is none. */
export function createJsonService(options: JsonServiceOptions): JsonService {
  const { clock, maxAnswerBytes = 64 * 1024 * 1024 } = options;
  const base = new URL(options.url);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    connections: options.connections ?? 16,
    keepAliveTimeout: 60_000,
    // The caller's time-out is the deadline.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });

  const exchange = async (
    { path, body }: JsonCall,
    url: string,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const answer = await pool.request({
      path: prefix + path,
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: body ?? null,
      signal,
    });
    const { statusCode: status } = answer;
    const isGood = status >= 200 && status < 300;
    const bytes = await collect(answer.body, isGood ? maxAnswerBytes : SNIPPET_BYTES);
    if (!isGood) {
      const detail = `status ${status} ${bytes.subarray(0, SNIPPET_BYTES).toString()}`.trimEnd();
      throw new JsonServiceError('bad-status', url, { detail, status });
    }
    if (bytes.length > maxAnswerBytes) {
      const detail = `more than ${maxAnswerBytes} bytes`;
      throw new JsonServiceError('too-large', url, { detail });
    }
    return parse(bytes, url);
  };

  return {
    url: options.url,
    call: async (call) => {
      const url = `${base.origin}${prefix}${call.path}`;
      const limit = new AbortController();
      const timer = clock.schedule(call.timeoutMs, () => {
        limit.abort();
      });
      const signal = call.signal ? AbortSignal.any([limit.signal, call.signal]) : limit.signal;
      try {
        return await exchange(call, url, signal);
      } catch (cause) {
        if (cause instanceof JsonServiceError) throw cause;
        if (limit.signal.aborted) {
          const detail = `no answer within ${call.timeoutMs} ms`;
          throw new JsonServiceError('timeout', url, { cause, detail });
        }
        const failure = signal.aborted ? 'aborted' : 'unreachable';
        const detail = cause instanceof Error ? cause.message : String(cause);
        throw new JsonServiceError(failure, url, { cause, detail });
      } finally {
        timer.cancel();
      }
    },
    close: () => pool.destroy(),
  };
}

/** All bytes, or a little more than `maxBytes` of them. */
async function collect(body: AsyncIterable<unknown>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks, length);
}

function parse(bytes: Buffer, url: string): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new JsonServiceError('not-json', url, { cause, detail: 'the answer is not JSON' });
  }
}
