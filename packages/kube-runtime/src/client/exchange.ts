// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import { KubeApiError, KubeProtocolError, refusalError, type KubeStatus } from '../errors.ts';
import { startDeadline, type Deadline } from './deadline.ts';
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts';

/** What exchanges share. */
export interface ExchangeContext {
  readonly transport: KubeTransport;
  readonly clock: Clock;
  /** Longest from a request to its complete answer, or to the head of one that goes on. */
  readonly timeoutMs: number;
  /** Largest answer that is read. */
  readonly maxBodyBytes: number;
}

/** A request without what the exchange adds. */
export type Ask = Omit<KubeRequest, 'signal'>;

/** What a caller may limit. */
export interface CallLimits {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** How often a request is sent in all while the server asks to come back later, as client-go does. */
const ATTEMPTS = 10;
/** The longest that a server is obeyed. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** Sends a request and resolves with its JSON. Rejects with an error of `errors.ts`, or `AbortedError`. */
export async function exchange(
  context: ExchangeContext,
  ask: Ask,
  call: CallLimits,
): Promise<unknown> {
  return untilServed(context, call.signal, async () => {
    const request = nameOf(ask);
    using deadline = startDeadline(deadlineOptions(context, call, request));
    try {
      const response = await context.transport.send({ ...ask, signal: deadline.signal });
      const text = await textOf(response, request, context.maxBodyBytes);
      if (response.status >= 300) throw refusal(request, response, text);
      return parse(text, request);
    } catch (error) {
      throw deadline.explain(error);
    }
  });
}

/** An answer that goes on, and the deadline that ends it. */
export interface OpenStream extends Disposable {
  readonly body: AsyncIterable<Uint8Array>;
  readonly deadline: Deadline;
}

/** Sends a request and resolves with the head of its answer when that is good. The caller disposes of it. */
export async function openStream(
  context: ExchangeContext,
  ask: Ask,
  call: CallLimits,
): Promise<OpenStream> {
  return untilServed(context, call.signal, async () => {
    const request = nameOf(ask);
    const deadline = startDeadline(deadlineOptions(context, call, request));
    try {
      const response = await context.transport.send({ ...ask, signal: deadline.signal });
      if (response.status >= 300) {
        throw refusal(request, response, await textOf(response, request, context.maxBodyBytes));
      }
      return {
        body: response.body,
        deadline,
        [Symbol.dispose]: () => {
          deadline[Symbol.dispose]();
        },
      };
    } catch (error) {
      deadline[Symbol.dispose]();
      throw deadline.explain(error);
    }
  });
}

const deadlineOptions = (context: ExchangeContext, call: CallLimits, request: string) => ({
  clock: context.clock,
  timeoutMs: call.timeoutMs ?? context.timeoutMs,
  signal: call.signal,
  request,
});

/** Repeats what the server has put off, as long as it asks for it and {@link ATTEMPTS} allow. */
async function untilServed<T>(
  { clock }: ExchangeContext,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = error instanceof KubeApiError ? postponedMs(error) : undefined;
      if (waitMs === undefined || count === ATTEMPTS) throw error;
      await sleep(clock, Math.min(waitMs, LONGEST_RETRY_AFTER_MS), signal);
    }
  }
}

/** How long to wait before the request may be repeated; undefined where it may not. */
const postponedMs = ({ status, retryAfterMs }: KubeApiError): number | undefined =>
  status === 429 ? (retryAfterMs ?? 1000) : status >= 500 ? retryAfterMs : undefined;

/** What a refusal says, in Kubernetes' own form or not. */
function refusal(request: string, response: KubeResponse, text: string): KubeApiError {
  const seconds = Number(response.retryAfter ?? Number.NaN);
  return refusalError({
    request,
    status: response.status,
    answer: statusOf(text),
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
  });
}

function statusOf(text: string): KubeStatus {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status') {
      // Its fields are optional and only shown or compared.
      return value as KubeStatus;
    }
  } catch {
    // Not Kubernetes' own words, but somebody's.
  }
  return text === '' ? {} : { message: text.slice(0, 200) };
}

function parse(text: string, request: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KubeProtocolError(request, `not JSON: ${text.slice(0, 100)}`, { cause });
  }
}

async function textOf({ body }: KubeResponse, request: string, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new KubeProtocolError(request, `more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const nameOf = ({ method, path }: Ask): string => `${method} ${path.split('?')[0] ?? ''}`;
