import { createRandom, systemClock } from '@llm-d/determinism';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  activeSubscribers,
  messagesReceivedTotal,
  refusedSourcesTotal,
} from '../kv-event-metrics.ts';
import type { KvMessage } from '../kv-message.ts';
import { startEngineSocket } from '../testing/index.ts';
import { type BindForEnginesOptions, bindForEngines } from './bind-for-engines.ts';
import { observed, payload, publish, short, until } from './following.testing.ts';
import { KvEndpointError } from './kv-endpoint-error.ts';

async function listening(rest: Partial<BindForEnginesOptions> = {}) {
  const messages: KvMessage[] = [];
  const ending = new AbortController();
  const { metrics, telemetry } = observed();
  const bound = await bindForEngines({
    endpoint: 'tcp://127.0.0.1:0',
    onMessage: (message) => void messages.push(message),
    ...{ clock: systemClock, random: createRandom(1), telemetry, signal: ending.signal },
    idleReplayMs: 300,
    ...rest,
  });
  const seen = () =>
    messages.map((message) =>
      message.kind === 'gone'
        ? ''
        : `${message.source.pod}/${message.source.dpRank} ${short(message)}`,
    );
  return {
    ...{ bound, messages, metrics, seen },
    count: (messageCount: number) => until(() => messages.length >= messageCount),
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await bound.done;
    },
  };
}

/** An engine that connects. */
const connecting = (endpoint: string | undefined, pod: string, replayEndpoint?: string) =>
  startEngineSocket({
    ...{ endpoint: endpoint ?? '', connects: true, topic: `kv@${pod}@m` },
    replayEndpoint: replayEndpoint ?? null,
  });

describe('engines that connect', () => {
  test('are told apart by their topics, each with numbers of its own', async () => {
    await using listener = await listening();
    await using a = await connecting(listener.bound.endpoints[0], 'a');
    await using b = await connecting(listener.bound.endpoints[0], 'b');
    await Promise.all([a.subscribed, b.subscribed]);
    await publish(a, 2);
    await listener.count(2);
    await publish(b, 1);
    await listener.count(3);
    expect(listener.seen()).toEqual(['a/0 :0', 'a/0 :1', 'b/0 :0']);
    expect(listener.messages[0]).toMatchObject({ source: { model: 'm' } });
    expect(listener.metrics.value(messagesReceivedTotal, { pod_identifier: 'a' })).toBe(2);
  });

  test('lose what was lost on the way, and begin a new epoch when they begin anew', async () => {
    await using listener = await listening();
    await using a = await connecting(listener.bound.endpoints[0], 'a');
    await a.subscribed;
    a.faults.drop = (sequence) => sequence === 1;
    await publish(a, 4);
    await listener.count(4);
    a.stop();
    await a.start();
    await a.subscribed;
    await publish(a, 1, 1);
    await listener.count(5);
    expect(listener.seen().map((one) => one.slice(4))).toEqual([
      ...[':0', ':1-1?', ':2', ':3', '/1:0'],
    ]);
  });

  test('are asked for what was lost where it is known whom to ask', async () => {
    const replays = new Map<string, string>();
    await using listener = await listening({ replayEndpointOf: (pod) => replays.get(pod) });
    await using a = await connecting(listener.bound.endpoints[0], 'a', 'tcp://127.0.0.1:0');
    replays.set('a', a.replayEndpoint ?? '');
    await a.subscribed;
    a.faults.drop = (sequence) => sequence < 3;
    await publish(a, 4);
    await listener.count(4);
    expect(listener.seen()).toEqual(['a/0 :0', 'a/0 :1', 'a/0 :2', 'a/0 :3']);
  });

  test('have the epoch that is given for their pod', async () => {
    let restarts = 0;
    await using listener = await listening({ epochOf: (pod) => `${pod}-${restarts}` });
    await using a = await connecting(listener.bound.endpoints[0], 'a');
    await a.subscribed;
    await publish(a, 1);
    await listener.count(1);
    restarts++;
    await a.publish(payload(1));
    await listener.count(3);
    expect(listener.seen()).toEqual(['a/0 a-0:0', 'a/0 a-1:0-0?', 'a/0 a-1:1']);
  });

  test('are forgotten when they are gone', async () => {
    await using listener = await listening({ replayEndpointOf: () => undefined });
    await using a = await connecting(listener.bound.endpoints[0], 'a');
    await a.subscribed;
    await publish(a, 1);
    await listener.count(1);
    listener.bound.forget('a');
    expect(listener.metrics.value(messagesReceivedTotal, { pod_identifier: 'a' })).toBe(0);
    await a.publish(payload(1));
    await listener.count(3);
    expect(listener.seen()).toEqual(['a/0 :0', 'a/0 :0-0?', 'a/0 :1']);
  });

  test('are passed over when nobody knows their pod, or when there are too many', async () => {
    await using listener = await listening({ accepts: (pod) => pod !== 'x', maxEngines: 1 });
    await using x = await connecting(listener.bound.endpoints[0], 'x');
    await using a = await connecting(listener.bound.endpoints[0], 'a');
    await using b = await connecting(listener.bound.endpoints[0], 'b');
    await Promise.all([x.subscribed, a.subscribed, b.subscribed]);
    const refused = () => listener.metrics.value(refusedSourcesTotal, {});
    await publish(x, 1);
    await until(() => refused() === 1);
    await publish(a, 1);
    await listener.count(1);
    await publish(b, 1);
    await until(() => refused() === 2);
    expect(listener.seen()).toEqual(['a/0 :0']);
  });

  test('have a port for each rank', async () => {
    await using listener = await listening({ endpoint: await freePorts(), ranks: 2 });
    expect(listener.metrics.value(activeSubscribers, {})).toBe(2);
    await using one = await connecting(listener.bound.endpoints[1], 'a');
    await one.subscribed;
    await publish(one, 1);
    await listener.count(1);
    expect(listener.seen()).toEqual(['a/1 :0']);
  });
});

test('an address that is taken is refused', async () => {
  await using listener = await listening();
  const [endpoint = ''] = listener.bound.endpoints;
  await expect(listening({ endpoint })).rejects.toThrow(KvEndpointError);
});

/** An address with two free ports in a row. */
async function freePorts(): Promise<string> {
  for (;;) {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const isNextFree = await new Promise<boolean>((resolve) => {
      const next = createServer();
      next.once('error', () => {
        resolve(false);
      });
      next.listen(port + 1, '127.0.0.1', () =>
        next.close(() => {
          resolve(true);
        }),
      );
    });
    await new Promise((resolve) => server.close(resolve));
    if (isNextFree) return `tcp://127.0.0.1:${port}`;
  }
}
