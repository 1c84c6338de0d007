import { createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { createRandom, systemClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Dealer, Publisher, Router } from 'zeromq';
import { createKvFollower } from '../create-kv-follower.ts';
import {
  activeSubscribers,
  bufferedBytes,
  droppedMessagesTotal,
  subscriberReconnectionsTotal,
  zmqErrorsTotal,
} from '../kv-event-metrics.ts';
import { startEngineSocket } from '../testing/index.ts';
import { followEngine } from './follow-engine.ts';
import { following, observed, payload, publish, run, until } from './following.testing.ts';
import { KvEndpointError } from './kv-endpoint-error.ts';
import { sequenceFrame } from './sequence-frame.ts';

describe('a first connection', () => {
  test.each([true, false])(
    'gives what was published before it (topic in replays: %s)',
    async (replaysTopic) => {
      await using engine = await startEngineSocket({ replaysTopic });
      await publish(engine, 3);
      await using following_ = following(engine, { model: 'given' });
      await following_.count(3);
      await engine.subscribed;
      await engine.publish(payload(3));
      await following_.count(4);
      expect(following_.seen()).toEqual(run(0, 3));
      expect(following_.messages[0]).toMatchObject({
        source: { pod: 'a', dpRank: 0, model: 'given', epoch: 'e' },
        payload: Buffer.from(payload(0)),
      });
    },
  );

  test('says which part of the history is gone, and goes on with what is there', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 10);
    engine.truncate(4);
    await using following_ = following(engine);
    await following_.count(5);
    expect(following_.seen()).toEqual(['e:0-5?', ...run(6, 9)]);
  });

  test('takes the model from the topic, and waits for one where a replay has none', async () => {
    await using engine = await startEngineSocket({ replaysTopic: false, topic: 'kv@x@org/m@v2' });
    await publish(engine, 2);
    await using following_ = following(engine);
    await until(() => engine.requests.length > 0);
    await engine.subscribed;
    await engine.publish(payload(2));
    await following_.count(3);
    expect(following_.seen()).toEqual(run(0, 2));
    expect(following_.messages[0]).toMatchObject({ source: { pod: 'a', model: 'org/m@v2' } });
  });

  test('goes on where an earlier one ended', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 6);
    const after = { inferred: 2, sequence: 3 };
    await using following_ = following(engine, { after });
    await following_.count(2);
    expect(following_.seen()).toEqual(run(4, 5, 'e/2'));
  });

  test('works within a process', async () => {
    await using engine = await startEngineSocket({
      ...{ endpoint: 'inproc://events', replayEndpoint: 'inproc://replays' },
    });
    await publish(engine, 2);
    await using following_ = following(engine);
    await following_.count(2);
    await engine.publish(payload(2));
    await following_.count(3);
    expect(following_.seen()).toEqual(run(0, 2));
  });

  test('is refused to an address that is none', async () => {
    const following_ = following({ endpoint: 'tcp://nowhere', replayEndpoint: undefined });
    await expect(following_.done).rejects.toThrow(KvEndpointError);
    expect(following_.metrics.value(activeSubscribers, {})).toBe(0);
  });
});

describe('a history of 5,000 batches of 2 KB', () => {
  test.each([true, false])(
    'is complete and in order (topic in replays: %s)',
    async (replaysTopic) => {
      await using engine = await startEngineSocket({ replaysTopic });
      const filler = Buffer.alloc(2048);
      for (let i = 0; i < 5000; i++) {
        filler.writeUInt32BE(i);
        await engine.publish(Buffer.from(filler));
      }
      await using following_ = following(engine, { model: 'm' });
      await following_.count(5000);
      expect(following_.seen()).toEqual(run(0, 4999));
      const numbers = following_.messages.map((message) =>
        message.kind === 'batch' ? Buffer.from(message.payload).readUInt32BE() : -1,
      );
      expect(numbers).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    },
  );
});

describe('batches lost on the way', () => {
  test('are replayed, and come in their order', async () => {
    await using engine = await startEngineSocket();
    await using following_ = following(engine);
    await engine.subscribed;
    engine.faults.drop = (sequence) => sequence >= 2 && sequence < 22;
    await publish(engine, 30);
    await following_.count(30);
    expect(following_.seen()).toEqual(run(0, 29));
  });

  test('are lost where the engine has no replays', async () => {
    await using engine = await startEngineSocket({ replayEndpoint: null });
    await using following_ = following(engine);
    await engine.subscribed;
    engine.faults.drop = (sequence) => sequence === 0 || sequence === 3 || sequence === 4;
    await publish(engine, 6);
    await following_.count(5);
    expect(following_.seen()).toEqual(['e:0-0?', 'e:1', 'e:2', 'e:3-4?', 'e:5']);
  });

  test('are lost where the engine no longer has them, and only those', async () => {
    await using engine = await startEngineSocket({ bufferSteps: 4 });
    await using following_ = following(engine);
    await engine.subscribed;
    await following_.caughtUp();
    engine.faults.drop = (sequence) => sequence >= 2 && sequence < 11;
    await publish(engine, 12);
    await following_.count(7);
    expect(following_.seen()).toEqual(['e:0', 'e:1', 'e:2-7?', ...run(8, 11)]);
  });

  test('at the end show when it is time for a heartbeat', async () => {
    await using engine = await startEngineSocket();
    await using following_ = following(engine, { heartbeatMs: 50 });
    await engine.subscribed;
    engine.faults.drop = (sequence) => sequence > 0;
    await publish(engine, 3);
    await until(() => following_.seen().includes('e:2!'));
    expect(following_.seen().filter((one) => !one.endsWith('!'))).toEqual(run(0, 2));
  });

  test('are not missed in a replay that begins behind them, where they came live meanwhile', async () => {
    await using engine = await startEngineSocket();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const replays = { run: <T>(replay: () => Promise<T>) => held.then(replay) };
    await using following_ = following(engine, { replays });
    await engine.subscribed;
    engine.faults.drop = (sequence) => sequence < 2 || sequence === 4;
    await publish(engine, 8);
    engine.truncate(2);
    await until(() => following_.metrics.value(bufferedBytes, {}) > 5 * 256);
    letGo();
    await following_.count(7);
    expect(following_.seen()).toEqual(['e:0-1?', 'e:2', 'e:3', 'e:4-4?', ...run(5, 7)]);
  });

  test('by a replay itself are asked for again, until none is missing', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 50);
    engine.faults.dropFromReplay = (sequence, request) =>
      request < 4 && sequence === 10 * request - 1;
    engine.faults.withholdEnd = (request) => request === 4;
    await using following_ = following(engine);
    await following_.caughtUp();
    expect(following_.seen()).toEqual(run(0, 49));
    expect(engine.requests).toEqual([0, 8, 18, 28, 49]);
  });

  test('by a long replay at its very end are found by asking once more', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 600);
    engine.faults.dropFromReplay = (sequence, request) => request === 1 && sequence > 590;
    await using following_ = following(engine);
    await following_.caughtUp();
    expect(following_.seen()).toEqual(run(0, 599));
    expect(engine.requests).toEqual([0, 590]);
  });

  test('that no replay ever gives are lost, and nothing else', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 6);
    engine.faults.dropFromReplay = (sequence) => sequence === 3;
    await using following_ = following(engine);
    await following_.count(6);
    expect(following_.seen()).toEqual([...run(0, 2), 'e:3-3?', 'e:4', 'e:5']);
  });

  test('are lost after three replays that bring nothing', async () => {
    await using engine = await startEngineSocket();
    engine.faults.dropFromReplay = () => true;
    engine.faults.withholdEnd = () => true;
    await using following_ = following(engine, { idleReplayMs: 30 });
    await engine.subscribed;
    await until(() => engine.requests.length === 3);
    engine.faults.drop = (sequence) => sequence === 1;
    await publish(engine, 3);
    await following_.count(3);
    expect(following_.seen()).toEqual(['e:0', 'e:1-1?', 'e:2']);
    // Whoever did not answer is not asked again at once.
    expect(engine.requests).toEqual([0, 0, 0]);
    const labels = { pod_identifier: 'a', operation: 'replay-no-progress' };
    expect(following_.metrics.value(zmqErrorsTotal, labels)).toBe(1);
  });
});

describe('an engine that restarts on its port', () => {
  test('begins a new epoch, with all that it has published since', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 5);
    await using following_ = following(engine);
    await following_.count(5);
    engine.stop();
    await engine.start();
    await publish(engine, 3, 1);
    await following_.count(8);
    expect(following_.seen()).toEqual([...run(0, 4), ...run(0, 2, 'e/1')]);
  });

  test('is known by what it has in place of the last batch', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 5);
    await using following_ = following(engine);
    await following_.count(5);
    engine.stop();
    await engine.start();
    await publish(engine, 9, 1);
    await following_.count(14);
    expect(following_.seen()).toEqual([...run(0, 4), ...run(0, 8, 'e/1')]);
  });

  test('is known when it had nothing to replay until then', async () => {
    await using engine = await startEngineSocket();
    await using following_ = following(engine);
    await engine.subscribed;
    await publish(engine, 9);
    await following_.count(9);
    engine.stop();
    await engine.start();
    await publish(engine, 5, 1);
    await following_.count(14);
    expect(following_.seen()).toEqual([...run(0, 8), ...run(0, 4, 'e/1')]);
  });

  test('is known to whoever goes on where another one ended', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 9, 1);
    const after = { inferred: 0, sequence: 4, payload: payload(4) };
    await using one = following(engine, { after });
    await one.count(9);
    expect(one.seen()).toEqual(run(0, 8, 'e/1'));
    await using other = following(engine, { after: { inferred: 0, sequence: 99 } });
    await other.count(9);
    expect(other.seen()).toEqual(run(0, 8, 'e/1'));
  });

  test('is known before it has anything to say', async () => {
    await using engine = await startEngineSocket();
    await using following_ = following(engine, { heartbeatMs: 50 });
    await engine.subscribed;
    await publish(engine, 3);
    // It is asked for its last batch, whether or not it is busy.
    await until(() => following_.seen().includes('e:2!'));
    engine.stop();
    await engine.start();
    await until(() => following_.seen().includes('e/1:-1!'));
  });

  test('is not what an engine without a history is taken for', async () => {
    await using engine = await startEngineSocket({ bufferSteps: 0 });
    await using following_ = following(engine, { heartbeatMs: 50 });
    await engine.subscribed;
    await publish(engine, 3);
    await until(() => engine.requests.length > 6);
    expect(new Set(following_.seen())).toEqual(new Set([...run(0, 2), 'e:2!']));
  });

  test('is known by its numbers where it has no replays', async () => {
    await using engine = await startEngineSocket({ replayEndpoint: null });
    await using following_ = following(engine);
    await engine.subscribed;
    await publish(engine, 5);
    await following_.count(5);
    engine.stop();
    await engine.start();
    engine.faults.drop = (sequence) => sequence < 3;
    await engine.subscribed;
    await publish(engine, 5, 1);
    await following_.count(8);
    expect(following_.seen()).toEqual([...run(0, 4), 'e/1:0-2?', 'e/1:3', 'e/1:4']);
  });

  test('is not what a lost connection to the same process is taken for', async () => {
    await using engine = await startEngineSocket();
    await using following_ = following(engine);
    await engine.subscribed;
    await publish(engine, 3);
    await following_.count(3);
    const before = engine.requests.length;
    await engine.cut();
    await until(() => engine.requests.length > before);
    await engine.subscribed;
    await engine.publish(payload(3));
    await following_.count(4);
    expect(following_.seen()).toEqual(run(0, 3));
  });

  test('has the epoch that is given, as soon as it is', async () => {
    await using engine = await startEngineSocket();
    let epoch = 'e';
    await using following_ = following(engine, { epoch: () => epoch });
    await engine.subscribed;
    await publish(engine, 2);
    await following_.count(2);
    engine.stop();
    epoch = 'f';
    await engine.start();
    await publish(engine, 2, 1);
    await following_.count(4);
    expect(following_.seen()).toEqual([...run(0, 1), ...run(0, 1, 'f')]);
  });
});

describe('whoever takes the messages', () => {
  test('is waited for, and what has no room meanwhile is asked for again', async () => {
    await using engine = await startEngineSocket();
    const taken: number[] = [];
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    await using following_ = following(engine, {
      maxBufferedBytes: 4096,
      onMessage: async (message) => {
        if (message.kind === 'batch') taken.push(message.sequence);
        await held;
      },
    });
    await engine.subscribed;
    await publish(engine, 200);
    const dropped = () => following_.metrics.value(droppedMessagesTotal, { pod_identifier: 'a' });
    await until(() => taken.length > 0 && dropped() > 100);
    expect(taken).toEqual([0]);
    letGo();
    await until(() => taken.length === 200);
    expect(taken).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await following_.stop();
    expect(following_.metrics.value(bufferedBytes, {})).toBe(0);
  });

  test('is told of the loss where it cannot be asked for again', async () => {
    await using engine = await startEngineSocket({ replayEndpoint: null });
    const seen: string[] = [];
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    await using following_ = following(engine, {
      maxBufferedBytes: 2048,
      onMessage: async (message) => {
        if (message.kind === 'batch') seen.push(`${message.sequence}`);
        if (message.kind === 'loss') seen.push(`${message.fromSequence}-${message.untilSequence}?`);
        await held;
      },
    });
    await engine.subscribed;
    await publish(engine, 20);
    const dropped = () => following_.metrics.value(droppedMessagesTotal, { pod_identifier: 'a' });
    const received = () => seen.length > 0 && dropped() > 10;
    await until(received);
    letGo();
    await until(() => seen.at(-1)?.endsWith('-19?') === true);
    const last = Number(seen.at(-2));
    expect(seen).toEqual([
      ...Array.from({ length: last + 1 }, (_, i) => `${i}`),
      `${last + 1}-19?`,
    ]);
  });

  test('gets a message again that it refused', async () => {
    await using engine = await startEngineSocket();
    await publish(engine, 2);
    const seen: string[] = [];
    await using following_ = following(engine, {
      random: { next: () => 0 },
      onMessage: (message) => {
        seen.push(message.kind === 'batch' ? `${message.sequence}` : message.kind);
        return seen.length === 1 ? Promise.reject(new Error('full')) : undefined;
      },
    });
    await until(() => seen.length === 3);
    expect(seen).toEqual(['0', '0', '1']);
    expect(
      following_.metrics.value(zmqErrorsTotal, { pod_identifier: 'a', operation: 'deliver' }),
    ).toBe(1);
  });
});

test('heartbeats come while the engine says nothing, and end with the connection', async () => {
  await using engine = await startEngineSocket();
  await using following_ = following(engine, { model: 'm', heartbeatMs: 20 });
  await following_.count(2);
  await engine.publish(payload(0));
  await until(() => following_.seen().includes('e:0!'));
  expect(following_.seen().slice(0, 2)).toEqual(['e:-1!', 'e:-1!']);
  engine.stop();
  const retries = () =>
    following_.metrics.value(subscriberReconnectionsTotal, { pod_identifier: 'a' });
  await until(() => retries() > 0);
  const { length } = following_.messages;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(following_.messages.length).toBe(length);
});

test('following ends at once in the middle of a flood', async () => {
  await using engine = await startEngineSocket({ replayEndpoint: null });
  await using following_ = following(engine);
  await engine.subscribed;
  await Promise.all([publish(engine, 5000), following_.count(1000).then(() => following_.stop())]);
  expect(following_.seen()).toEqual(run(0, following_.messages.length - 1));
});

test('frames that are no batch are counted and passed over', async () => {
  const publisher = new Publisher({ linger: 0 });
  await publisher.bind('tcp://127.0.0.1:0');
  const endpoint = publisher.lastEndpoint ?? '';
  await using following_ = following({ endpoint, replayEndpoint: undefined });
  await until(() => {
    void publisher.send(['kv@a@m', sequenceFrame(0), payload(0)]);
    return following_.messages.length > 0;
  });
  await publisher.send(['kv@a@m', 'short', payload(1)]);
  await publisher.send(['kv@a@m', sequenceFrame(1)]);
  await publisher.send(['other', sequenceFrame(1), payload(1)]);
  await publisher.send(['kv@a@m', Buffer.alloc(8, 0xff), payload(1)]);
  await publisher.send(['kv@a@m', sequenceFrame(1), payload(1)]);
  await until(() => following_.seen().includes('e:1'));
  expect(following_.seen()).toEqual(['e:0', 'e:1']);
  const labels = { pod_identifier: 'a', operation: 'recv' };
  expect(following_.metrics.value(zmqErrorsTotal, labels)).toBe(3);
  publisher.close();
});

interface Captured {
  readonly kind: 'meta' | 'frames' | 'replay';
  readonly frames: readonly string[];
  readonly sent: readonly string[];
  readonly received: readonly (readonly string[])[];
}

describe.each(['0.19.1', '0.32.0'])('vLLM %s as captured', (version) => {
  const file = new URL(`../../testdata/vllm-${version}-replay.jsonl`, import.meta.url);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const captured = lines.map((line) => JSON.parse(line) as Captured);
  const live = captured
    .filter(({ kind }) => kind === 'frames')
    .map(({ frames }) => frames.map((frame) => Buffer.from(frame, 'base64')));
  const replay = captured.find(({ kind }) => kind === 'replay');
  const replies = (replay?.received ?? []).map((frames) =>
    frames.map((frame) => Buffer.from(frame, 'base64')),
  );

  test('is understood, replayed and live', async () => {
    const router = new Router({ linger: 0 });
    await router.bind('tcp://127.0.0.1:0');
    const publisher = new Publisher({ linger: 0 });
    await publisher.bind('tcp://127.0.0.1:0');
    const requests: Buffer[][] = [];
    const answering = (async () => {
      for await (const [identity, ...request] of router) {
        requests.push(request);
        for (const frames of replies) await router.send([identity ?? '', ...frames]);
      }
    })();
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 16 });
    const telemetry = observed();
    const follower = createKvFollower({
      index,
      clock: systemClock,
      telemetry: telemetry.telemetry,
    });
    await using following_ = following(
      { endpoint: publisher.lastEndpoint ?? '', replayEndpoint: router.lastEndpoint ?? '' },
      { model: 'tiny', onMessage: (message) => follower.onMessage(message) },
    );
    const source = () => follower.sources()[0];
    await until(() => source()?.sequence === live.length - 1);
    expect(requests[0]).toEqual(replay?.sent.map((frame) => Buffer.from(frame, 'base64')));
    for (const frames of live) await publisher.send(frames);
    expect(source()).toMatchObject({ state: 'whole', source: { model: 'tiny' } });
    expect(index.stats().unplaced).toEqual({});
    await following_.stop();
    publisher.close();
    router.close();
    await answering;
  });

  test('is what the engine sockets of tests send', async () => {
    const topic = live[0]?.[0]?.toString() ?? '';
    const replaysTopic = replies[0]?.length === 4;
    await using engine = await startEngineSocket({ topic, replaysTopic });
    for (const [, , bytes = Buffer.alloc(0)] of live) await engine.publish(bytes);
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(engine.replayEndpoint ?? '');
    await dealer.send(['', sequenceFrame(0)]);
    const received: Buffer[][] = [];
    for (let i = 0; i < replies.length; i++) received.push(await dealer.receive());
    dealer.close();
    expect(received).toEqual(replies);
  });
});

test('following that is over before it begins does nothing', async () => {
  await followEngine({
    ...{ endpoint: 'tcp://127.0.0.1:1', pod: 'a', dpRank: 0, epoch: 'e' },
    onMessage: () => undefined,
    ...{ clock: systemClock, random: createRandom(1), telemetry: noopTelemetry },
    signal: AbortSignal.abort(),
  });
});
