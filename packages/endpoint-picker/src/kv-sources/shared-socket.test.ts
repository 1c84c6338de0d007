import { createRandom, VirtualClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import type { BoundSocket } from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';
import { batchOf } from '../producers/precise-prefix-cache-producer/fake-kv-sources.testing.ts';
import { sharedSockets } from './shared-socket.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Sockets of which each address can be bound once. */
function setUp() {
  const bound = new Map<string, BoundSocket>();
  const forgotten: string[] = [];
  let binds = 0;
  const listen = sharedSockets(async (options) => {
    if (bound.has(options.endpoint)) throw new Error('the address is in use');
    bound.set(options.endpoint, options);
    binds++;
    options.onBound({ forget: (pod) => forgotten.push(pod) });
    await new Promise<void>((resolve) => {
      options.signal.addEventListener('abort', () => {
        resolve();
      });
    });
    await settle();
    bound.delete(options.endpoint);
  });
  const join = (endpoint = 'tcp://*:1') => {
    const heard: number[] = [];
    const end = new AbortController();
    let socket: { forget(pod: string): void } | undefined;
    const ended = listen({
      endpoint,
      ranks: 1,
      topicFilter: 'kv@',
      clock: new VirtualClock(),
      random: createRandom(1),
      telemetry: noopTelemetry,
      signal: end.signal,
      onBound: (given) => {
        socket = given;
      },
      onMessage: (message) => {
        if (message.kind === 'batch') heard.push(message.sequence);
      },
    });
    const leave = async () => {
      end.abort();
      await ended;
    };
    return { heard, leave, ended, forget: (pod: string) => socket?.forget(pod) };
  };
  const say = (sequence: number, endpoint = 'tcp://*:1') =>
    bound.get(endpoint)?.onMessage(batchOf('p:1', sequence));
  return { join, say, bound, forgotten, binds: () => binds };
}

test('an address is bound once for all who listen there, until the last one leaves', async () => {
  const { join, say, bound, forgotten, binds } = setUp();
  const first = join();
  const elsewhere = join('tcp://*:2');
  await settle();
  await say(0);
  const second = join();
  await settle();
  await say(1);
  await first.leave();
  await say(2);
  second.forget('p:1');
  expect([first.heard, second.heard, elsewhere.heard]).toEqual([[0, 1], [1, 2], []]);
  expect([binds(), forgotten, bound.size]).toEqual([2, ['p:1'], 2]);
  await second.leave();
  await elsewhere.leave();
  expect(bound.size).toBe(0);
});

test('who comes while the last one leaves binds anew', async () => {
  const { join, say, binds } = setUp();
  const first = join();
  await settle();
  const left = first.leave();
  // Its socket takes a turn of the event loop to close.
  for (let i = 0; i < 5; i++) await Promise.resolve();
  const second = join();
  await left;
  await settle();
  await settle();
  await say(7);
  expect([second.heard, binds()]).toEqual([[7], 2]);
  await second.leave();
});

test('who listens at an address that is taken is told so', async () => {
  const listen = sharedSockets(() => Promise.reject(new Error('the address is in use')));
  const options = {
    endpoint: 'tcp://*:1',
    ranks: 1,
    topicFilter: '',
    signal: new AbortController().signal,
  };
  const rest = { clock: new VirtualClock(), random: createRandom(1), telemetry: noopTelemetry };
  const heard = { onBound: () => undefined, onMessage: () => undefined };
  await expect(listen({ ...options, ...rest, ...heard })).rejects.toThrow('in use');
});
