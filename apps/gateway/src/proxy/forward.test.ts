import { systemClock, VirtualClock } from '@llm-d/determinism';
import type { ExchangeEnd, PlacedExchange } from '@llm-d/endpoint-picker';
import { createResponseObserver } from '@llm-d/inference-api';
import { startModelServer, type Behaviour } from '@llm-d/test-kit';
import { EventEmitter } from 'node:events';
import { Pool } from 'undici';
import { describe, expect, test } from 'vitest';
import type { FrontResponse } from '../front/listener.ts';
import { forward, type ForwardRequest } from './forward.ts';

/** A client that reads at once, and what it was given. */
class Client extends EventEmitter {
  headersSent = false;
  destroyed = false;
  readonly seen: unknown[] = [];
  writeHead(status: number): void {
    this.headersSent = true;
    this.seen.push(status);
  }
  write(): boolean {
    return true;
  }
  end(): void {
    this.seen.push('end');
  }
  destroy(): void {
    this.destroyed = true;
    this.seen.push('cut');
  }
}

async function run(
  behaviour: Behaviour,
  options: Partial<ForwardRequest> = {},
  evictAt?: 'once' | 'head' | 'first byte',
) {
  await using server = await startModelServer({ script: () => behaviour });
  const pool = new Pool(server.url);
  const client = new Client();
  const ends: ExchangeEnd[] = [];
  let evict: () => void = () => undefined;
  const exchange: PlacedExchange = {
    responseHeaders: () => {
      if (evictAt === 'head') setImmediate(evict);
      return new Map();
    },
    responseBytes: () => {
      if (evictAt === 'first byte') setImmediate(evict);
    },
    responseHandled: () => undefined,
    end: (end) => {
      ends.push(end);
      return undefined;
    },
    onEvicted: (callback) => {
      if (evictAt === 'once') callback();
      else evict = callback;
    },
  };
  const outcome = await forward({
    pool,
    method: 'POST',
    path: '/v1/chat/completions',
    headers: {},
    body: null,
    exchange,
    // All of a response that forwarding uses.
    response: client as unknown as FrontResponse,
    observer: () => createResponseObserver({ api: 'chat-completions', streaming: false }),
    signal: new AbortController().signal,
    extraHeaders: {},
    mayRetry: true,
    clock: systemClock,
    stallTimeoutMs: 60_000,
    ...options,
  });
  await pool.destroy();
  const listeners = client.listenerCount('close') + client.listenerCount('drain');
  return { outcome, ends, seen: client.seen, listeners };
}

describe('forwarding', () => {
  test('gives up on a client that takes nothing of its answer for too long', async () => {
    await using server = await startModelServer({ script: () => ({ kind: 'answer' }) });
    const pool = new Pool(server.url);
    const clock = new VirtualClock();
    const client = new Client();
    client.write = () => {
      // From here on nothing drains; time passes.
      queueMicrotask(() => {
        clock.advance(1000);
      });
      return false;
    };
    client.destroy = () => client.emit('close');
    const ends: ExchangeEnd[] = [];
    const outcome = await forward({
      pool,
      method: 'POST',
      path: '/v1/chat/completions',
      headers: {},
      body: null,
      exchange: {
        responseHeaders: () => new Map(),
        responseBytes: () => undefined,
        responseHandled: () => undefined,
        end: (end) => {
          ends.push(end);
          return undefined;
        },
        onEvicted: () => undefined,
      },
      // All of a response that forwarding uses.
      response: client as unknown as FrontResponse,
      observer: undefined,
      signal: new AbortController().signal,
      extraHeaders: {},
      mayRetry: true,
      clock,
      stallTimeoutMs: 1000,
    });
    await pool.destroy();
    expect(outcome).toEqual({ kind: 'client-gone' });
    expect(ends).toMatchObject([{ termination: 'client-disconnect' }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('tells the books what an answer used', async () => {
    expect(await run({ kind: 'answer' })).toMatchObject({
      outcome: { kind: 'answered' },
      ends: [{ termination: 'natural', usage: { promptTokens: 3, completionTokens: 1 } }],
      ...{ seen: [200, 'end'], listeners: 0 },
    });
  });

  test.each([
    ['a death before the head', { kind: 'die', when: 'before-head' }, {}, 'reset'],
    ['a death before the first byte', { kind: 'die', when: 'after-head' }, {}, 'reset'],
    ['a 503', { kind: 'answer', status: 503 }, {}, 'overloaded'],
    ['a path that is none', { kind: 'answer' }, { path: '/a b' }, 'unsendable'],
    ['a header that is none', { kind: 'answer' }, { headers: { a: '\n' } }, 'unsendable'],
  ] as const)(
    'says what kept a server from answering: %s',
    async (_, behaviour, options, failure) => {
      expect(await run(behaviour, options)).toMatchObject({
        outcome: { kind: 'failed', failure },
        ends: [{ termination: 'error' }],
        ...{ seen: [], listeners: 0 },
      });
    },
  );

  test('passes a 503 on that nobody else could take', async () => {
    const { outcome, seen } = await run({ kind: 'answer', status: 503 }, { mayRetry: false });
    expect([outcome.kind, seen]).toEqual(['answered', [503, 'end']]);
  });

  test('cuts an answer that breaks off', async () => {
    expect(await run({ kind: 'die', when: 'mid-stream' })).toMatchObject({
      outcome: { kind: 'broken' },
      ends: [{ termination: 'error' }],
      ...{ seen: [200, 'cut'], listeners: 0 },
    });
  });

  test.each([
    ['before it is sent', 'once', { kind: 'hang' }, []],
    ['before its first byte', 'head', { kind: 'hang', after: 'head' }, []],
    ['in the middle of its answer', 'first byte', { kind: 'hang', after: 'chunk' }, [200, 'cut']],
  ] as const)('ends a request that is evicted %s', async (_, evictAt, behaviour, seen) => {
    expect(await run(behaviour, {}, evictAt)).toMatchObject({
      outcome: { kind: 'evicted' },
      ends: [{ termination: 'evicted' }],
      ...{ seen, listeners: 0 },
    });
  });

  test('sends nothing for a client that is gone already', async () => {
    const { outcome, ends } = await run({ kind: 'hang' }, { signal: AbortSignal.abort() });
    expect(outcome).toEqual({ kind: 'client-gone' });
    expect(ends).toMatchObject([{ termination: 'client-disconnect' }]);
  });
});
