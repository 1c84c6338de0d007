import { systemClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import type { JetStreamPublishOptions, PubAck } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { publishedMessages, publishesUnderWay, publishRetries } from '../bus/kv-bus-metrics.ts';
import { makeBatch } from '../testing/bus-messages.ts';
import { NatsPublisher } from './nats-publisher.ts';

const never = new AbortController().signal;

const parts = {
  ...{ stream: 'S', subjectPrefix: 'kv.ev', heartbeatPrefix: 'kv.hb', latest: 0 },
  answerTimeoutMs: 1000,
  nc: { publish: () => undefined },
  clock: systemClock,
  closed: never,
};

/** A stream that takes what it is given, except where `fails` says otherwise, and a publisher to it. */
function makePublisher(
  fails: (id: string, attempt: number) => Error | undefined,
  window = { maxMessages: 512, maxBytes: 2 ** 20 },
) {
  const kept: string[] = [];
  const attempts = new Map<string, number>();
  const load = { present: 0, most: 0, repairs: 0 };
  const metrics = recordingMetrics();
  const publish = async (
    _subject: string,
    _payload: unknown,
    { msgID = '' }: Partial<JetStreamPublishOptions> = {},
  ): Promise<PubAck> => {
    load.most = Math.max(load.most, ++load.present);
    await new Promise(setImmediate);
    load.present--;
    const attempt = (attempts.get(msgID) ?? 0) + 1;
    attempts.set(msgID, attempt);
    const error = fails(msgID, attempt);
    if (error !== undefined) throw error;
    kept.push(msgID);
    return { stream: 'S', seq: kept.length, duplicate: false };
  };
  const publisher = new NatsPublisher({
    link: {
      isConnected: true,
      isClosed: false,
      connected: () => Promise.resolve(),
      whileConnected: (answer) => answer,
    },
    ...parts,
    js: { publish },
    window,
    repairStream: () => Promise.resolve(load.repairs++),
    telemetry: { ...noopTelemetry, metrics },
  });
  return { publisher, kept, load, metrics };
}

test('a message that has to be tried again is not overtaken by those of its source', async () => {
  const { publisher, kept, load, metrics } = makePublisher((id, attempt) =>
    id.includes('/1/batch') && id.startsWith('a') && attempt < 3
      ? new errors.TimeoutError()
      : undefined,
  );
  const all = ['a', 'b'].flatMap((pod) =>
    [0, 1, 2].map((sequence) => publisher.publish(makeBatch(sequence, { pod }), never)),
  );
  await Promise.all(all);
  const of = (pod: string) => kept.filter((id) => id.startsWith(pod));
  expect(of('a')).toEqual([0, 1, 2].map((sequence) => `a/0/e1/${sequence}/batch`));
  expect(of('b')).toEqual([0, 1, 2].map((sequence) => `b/0/e1/${sequence}/batch`));
  // The other source did not wait for it.
  expect(kept.indexOf('b/0/e1/2/batch')).toBeLessThan(kept.indexOf('a/0/e1/1/batch'));
  expect(load.repairs).toBe(2);
  expect(metrics.value(publishRetries, {})).toBe(2);
  expect(metrics.value(publishedMessages, { kind: 'batch' })).toBe(6);
});

test('a message that is refused for good holds nobody up', async () => {
  const refusal = errors.InvalidArgumentError.format('payload', 'max_payload size exceeded');
  const { publisher, kept } = makePublisher((id) =>
    id.includes('/0/batch') ? refusal : undefined,
  );
  const first = publisher.publish(makeBatch(0), never);
  const second = publisher.publish(makeBatch(1), never);
  await expect(first).rejects.toMatchObject({ code: 'KV_BUS_REFUSED' });
  await second;
  expect(kept).toHaveLength(1);
});

test.each([
  ['messages', { maxMessages: 3, maxBytes: 2 ** 20 }, 3],
  ['bytes', { maxMessages: 512, maxBytes: 2048 }, 2],
])('%s under way are limited over all sources', async (_title, window, most) => {
  const { publisher, kept, load, metrics } = makePublisher(() => undefined, window);
  const pods = Array.from({ length: 20 }, (_, i) => `pod-${i}`);
  await Promise.all(
    pods.map((pod) => publisher.publish(makeBatch(0, { pod, payloadBytes: 1024 }), never)),
  );
  expect([kept.length, load.most]).toEqual([20, most]);
  expect(metrics.value(publishesUnderWay, {})).toBe(0);
});

test('a message whose signal fires while others are before it is not sent', async () => {
  const { publisher, kept } = makePublisher(() => undefined);
  const stop = new AbortController();
  const first = publisher.publish(makeBatch(0), never);
  const second = publisher.publish(makeBatch(1), stop.signal);
  const third = publisher.publish(makeBatch(2), never);
  stop.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  await Promise.all([first, third]);
  expect(kept).toEqual(['10.0.0.1:8000/0/e1/0/batch', '10.0.0.1:8000/0/e1/2/batch']);
});

test('a connection that is closed for good ends what waits for it', async () => {
  const publisher = new NatsPublisher({
    ...parts,
    link: {
      isConnected: false,
      isClosed: true,
      connected: () => Promise.resolve(),
      whileConnected: (answer) => answer,
    },
    js: { publish: () => Promise.reject(new Error('never asked')) },
    window: { maxMessages: 1, maxBytes: 1 },
    repairStream: () => Promise.resolve(),
    telemetry: noopTelemetry,
  });
  const publish = publisher.publish(makeBatch(0), never);
  await expect(publish).rejects.toMatchObject({ code: 'KV_BUS_CLOSED' });
});
