import { findNatsServer, isSkipped, pathOf, startNatsServer, titleWith } from '@llm-d/test-kit';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { collect } from '../testing/collecting-reader.ts';
import { publishesUnderWay, unreadableMessages } from '../bus/kv-bus-metrics.ts';
import { makeBatch, makeSource } from '../testing/bus-messages.ts';
import type { KvBus } from '../kv-bus.ts';
import type { KvMessage } from '../kv-message.ts';
import { connectNatsKvBus } from './nats-kv-bus.ts';
import { connectFresh, freshBus, openJetStream } from './nats-server.testing.ts';

const part = await findNatsServer();
const start = (settings: object = {}) => startNatsServer({ path: pathOf(part), settings });
const never = new AbortController().signal;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const pods = range(10).map((i) => `pod-${i}`);
const sequencesOf = (messages: readonly KvMessage[], pod: string) =>
  messages.flatMap((message) =>
    message.kind === 'batch' && message.source.pod === pod ? [message.sequence] : [],
  );

/** Publishes 500 batches of 1 KB of each of 10 pods at their own pace, as relays do. */
const publishMany = (bus: KvBus, progress: (done: number) => void) => {
  let done = 0;
  return Promise.all(
    pods.map(async (pod) => {
      for (const sequence of range(500)) {
        await bus.publish(makeBatch(sequence, { pod, payloadBytes: 1000 }), never);
        progress(++done);
      }
    }),
  );
};

describe.skipIf(isSkipped(part))(titleWith('trouble with NATS', part), { timeout: 120_000 }, () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'nothing is lost, repeated or overtaken when the server ends with %s and comes back',
    async (signal) => {
      await using server = await start();
      await using bus = await connectFresh(server);
      await using reader = collect(bus);
      const trouble: Promise<void>[] = [];
      await publishMany(bus, (done) => {
        if (done === 1500 || done === 3500) {
          trouble.push(server.stop(signal).then(() => server.start()));
        }
      });
      await Promise.all(trouble);
      await reader.has(5000);
      await using late = collect(bus);
      await late.has(5000);
      await late.until(() => late.caughtUp.at(-1) === true);
      for (const pod of pods) {
        expect(sequencesOf(reader.messages, pod)).toEqual(range(500));
        expect(sequencesOf(late.messages, pod)).toEqual(range(500));
      }
      expect([reader.truncations, late.positions.length]).toEqual([[], 5000]);
      expect(reader.caughtUp).toContain(false);
    },
  );

  test('a stream that the server forgot is made again, above all former places, and readers are told', async () => {
    await using server = await start();
    await using bus = await connectFresh(server, { storage: 'memory' });
    await using reader = collect(bus);
    for (const sequence of range(10)) await bus.publish(makeBatch(sequence), never);
    await reader.has(10);
    await server.stop('SIGKILL');
    await server.start();
    for (const sequence of range(10)) await bus.publish(makeBatch(10 + sequence), never);
    await reader.has(20);
    expect(sequencesOf(reader.messages, makeSource().pod)).toEqual(range(20));
    const [before = 0, behind = 0] = reader.positions.slice(9, 11);
    expect(behind).toBeGreaterThan(before);
    expect(reader.truncations).toEqual([{ until: behind - 1, after: 10 }]);
  });

  test('a server that was silent for a while is read on, and nothing is missing', async () => {
    await using server = await start();
    await using bus = await connectFresh(server, { timeoutMs: 300 });
    await using reader = collect(bus);
    await reader.until(() => reader.caughtUp.includes(true));
    await server.pause();
    const published = range(50).map((sequence) => bus.publish(makeBatch(sequence), never));
    await reader.until(() => reader.caughtUp.at(-1) === false);
    await server.resume();
    await Promise.all(published);
    await reader.has(50);
    await reader.until(() => reader.caughtUp.at(-1) === true);
    expect(sequencesOf(reader.messages, makeSource().pod)).toEqual(range(50));
  });

  test('a reader whose consumer is taken away goes on with another one', async () => {
    await using server = await start();
    const options = freshBus(server);
    await using bus = await connectNatsKvBus(options);
    await using other = await openJetStream(server);
    await using reader = collect(bus);
    await bus.publish(makeBatch(0), never);
    await reader.has(1);
    for await (const { name } of other.jsm.consumers.list(options.stream)) {
      await other.jsm.consumers.delete(options.stream, name);
    }
    await bus.publish(makeBatch(1), never);
    await reader.has(2);
    expect(sequencesOf(reader.messages, makeSource().pod)).toEqual([0, 1]);
  });

  test('messages that somebody removed are told as missing', async () => {
    await using server = await start();
    const options = freshBus(server);
    await using bus = await connectNatsKvBus(options);
    for (const sequence of range(5)) await bus.publish(makeBatch(sequence), never);
    await using first = collect(bus);
    await first.has(5);
    await using other = await openJetStream(server);
    for (const i of [1, 2]) {
      await other.jsm.streams.deleteMessage(options.stream, first.positions[i] ?? 0);
    }
    await using reader = collect(bus);
    await reader.has(3);
    expect(sequencesOf(reader.messages, makeSource().pod)).toEqual([0, 3, 4]);
    expect(reader.truncations).toEqual([{ until: first.positions[2], after: 1 }]);
  });

  test('only so many messages wait for a slow reader in memory', async () => {
    await using server = await start();
    const options = freshBus(server, { readAheadMessages: 20 });
    await using bus = await connectNatsKvBus(options);
    await using fast = collect(bus);
    await Promise.all(range(500).map((sequence) => bus.publish(makeBatch(sequence), never)));
    await fast.has(500);
    await fast[Symbol.asyncDispose]();
    const gate = Promise.withResolvers<undefined>();
    const held = Promise.withResolvers<undefined>();
    await using slow = collect(bus, {
      onMessage: async (message) => {
        if (message.kind === 'batch' && message.sequence < 3) return;
        held.resolve(undefined);
        await gate.promise;
      },
    });
    await held.promise;
    // Longer than two signs of life take, at which other consumers would ask for more.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await using other = await openJetStream(server);
    const delivered: number[] = [];
    for await (const consumer of other.jsm.consumers.list(options.stream)) {
      delivered.push(consumer.delivered.consumer_seq);
    }
    expect(Math.max(...delivered)).toBe(20);
    gate.resolve(undefined);
    await slow.has(500);
    expect(sequencesOf(slow.messages, makeSource().pod)).toEqual(range(500));
  });

  test('a message that the server never takes is refused, and those behind it pass', async () => {
    await using server = await start({ max_payload: 10_000 });
    const metrics = recordingMetrics();
    await using bus = await connectFresh(server, { telemetry: { ...noopTelemetry, metrics } });
    const large = bus.publish(makeBatch(0, { payloadBytes: 20_000 }), never);
    const small = bus.publish(makeBatch(1), never);
    await expect(large).rejects.toMatchObject({ code: 'KV_BUS_REFUSED' });
    await small;
    expect(metrics.value(publishesUnderWay, {})).toBe(0);
  });

  test('what others put on the stream is passed over and counted', async () => {
    await using server = await start();
    const metrics = recordingMetrics();
    const options = freshBus(server, { telemetry: { ...noopTelemetry, metrics } });
    await using bus = await connectNatsKvBus(options);
    await using other = await openJetStream(server);
    await other.jsm.jetstream().publish(`${options.subjectPrefix}.0.m.p.0`, 'poem');
    await bus.publish(makeBatch(0), never);
    await using reader = collect(bus);
    await reader.until(() => reader.caughtUp.includes(true));
    expect([reader.messages.length, reader.truncations]).toEqual([1, []]);
    expect(metrics.value(unreadableMessages, {})).toBe(1);
  });

  test('a publish that waits for the server ends with its signal', async () => {
    await using server = await start();
    await using bus = await connectFresh(server);
    await bus.publish(makeBatch(0), never);
    await server.stop();
    await expect.poll(() => bus.isConnected).toBe(false);
    const stop = new AbortController();
    const waiting = [0, 1].map((dpRank) => bus.publish(makeBatch(1, { dpRank }), stop.signal));
    stop.abort(new Error('enough'));
    for (const publish of waiting) await expect(publish).rejects.toThrow('enough');
    const closing = bus.publish(makeBatch(2), never);
    await bus[Symbol.asyncDispose]();
    await expect(closing).rejects.toMatchObject({ code: 'KV_BUS_CLOSED' });
  });

  test('the last message of a source is known to whoever comes later', async () => {
    await using server = await start();
    const options = freshBus(server);
    await using bus = await connectNatsKvBus(options);
    expect(await bus.latestOf(makeSource())).toBeUndefined();
    await bus.publish(makeBatch(7, { dpRank: 1 }), never);
    await bus.publish(makeBatch(8, { dpRank: 1 }), never);
    await bus.publish(makeBatch(9), never);
    await using late = await connectNatsKvBus(options);
    const latest = await late.latestOf(makeSource({ dpRank: 1 }));
    expect(latest?.message).toMatchObject({ kind: 'batch', sequence: 8, source: { epoch: 'e1' } });
    const { pod } = makeSource();
    expect(await late.latestGoneOf(pod)).toBeUndefined();
    await bus.publish({ kind: 'gone', pod, receivedMs: 5 }, never);
    const gone = await late.latestGoneOf(pod);
    expect(gone?.message).toEqual({ kind: 'gone', pod, receivedMs: 5 });
    expect(gone?.position).toBeGreaterThan(latest?.position ?? Infinity);
  });
});
