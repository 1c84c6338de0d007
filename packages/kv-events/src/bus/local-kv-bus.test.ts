import { VirtualClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { collect } from '../testing/collecting-reader.ts';
import { describeKvBus } from '../testing/kv-bus-conformance.ts';
import { publishedBytes, publishedMessages, readMessages } from './kv-bus-metrics.ts';
import { createLocalKvBus } from './local-kv-bus.ts';
import { makeBatch } from '../testing/bus-messages.ts';

const never = new AbortController().signal;

describeKvBus('the bus in this process', (options = {}) => {
  const bus = createLocalKvBus(options);
  return Promise.resolve({
    bus,
    damageNewestSnapshot: async () => {
      const newest = await bus.snapshots.load(never);
      newest?.bytes.fill(9, 0, 1);
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  });
});

test('messages are discarded when they are too old, and a reader is told', async () => {
  const clock = new VirtualClock();
  await using bus = createLocalKvBus({ maxAgeMs: 1000, clock });
  await bus.publish(makeBatch(0), never);
  clock.advance(999);
  await bus.publish(makeBatch(1), never);
  clock.advance(1);
  await using reader = collect(bus, { after: 0 });
  await reader.has(1);
  expect([reader.truncations, reader.positions]).toEqual([[{ until: 1, after: 0 }], [2]]);
});

test('a message that is larger than everything may be is refused', async () => {
  await using bus = createLocalKvBus({ maxBytes: 1000 });
  const large = bus.publish(makeBatch(0, { payloadBytes: 1000 }), never);
  await expect(large).rejects.toMatchObject({ code: 'KV_BUS_REFUSED' });
});

test('what was published and read is counted once', async () => {
  const metrics = recordingMetrics();
  await using bus = createLocalKvBus({ telemetry: { ...noopTelemetry, metrics } });
  await using reader = collect(bus);
  await bus.publish(makeBatch(0, { payloadBytes: 10 }), never);
  await bus.publish(makeBatch(0, { payloadBytes: 10 }), never);
  await reader.has(1);
  expect(metrics.value(publishedMessages, { kind: 'batch' })).toBe(1);
  expect(metrics.value(publishedBytes, {})).toBe(10);
  await reader[Symbol.asyncDispose]();
  expect(metrics.value(readMessages, { kind: 'batch' })).toBe(1);
});
