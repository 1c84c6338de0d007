// SPDX-License-Identifier: Apache-2.0
import type { Telemetry } from '@llm-d/telemetry';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import type { KvBus } from '../kv-bus.ts';
import type { KvHeartbeatMessage, KvMessage } from '../kv-message.ts';
import { collect } from './collecting-reader.ts';
import { makeBatch, makeSource } from './bus-messages.ts';

/** A bus on trial. Disposing of it closes the bus and removes what it kept. */
export interface KvBusOnTrial extends AsyncDisposable {
  readonly bus: KvBus;
  /** Makes the newest snapshot differ from what was saved. */
  damageNewestSnapshot(): Promise<void>;
}

export interface KvBusOnTrialOptions {
  /** Most that it keeps. Default more than any test needs. */
  readonly maxBytes?: number;
  readonly telemetry?: Telemetry;
}

const never = new AbortController().signal;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const sequences = (messages: readonly KvMessage[], pod?: string) =>
  messages.flatMap((message) =>
    message.kind === 'batch' && (pod ?? message.source.pod) === message.source.pod
      ? [message.sequence]
      : [],
  );
/** Whichever kind of byte array it came in. */
const plain = (message: KvMessage): KvMessage =>
  message.kind === 'batch' ? { ...message, payload: new Uint8Array(message.payload) } : message;
const publishAll = (bus: KvBus, messages: readonly KvMessage[]) =>
  Promise.all(messages.map((message) => bus.publish(message, never)));

/** What every bus must do. `create` gives an empty one that shares nothing with those before. */
export function describeKvBus(
  name: string,
  create: (options?: KvBusOnTrialOptions) => Promise<KvBusOnTrial>,
): void {
  describe(name, { timeout: 60_000 }, () => {
    test('messages of every kind come as they were published, in the order of their places', async () => {
      await using trial = await create();
      const odd = makeSource({
        ...{ pod: '[fd00::1]:8000 *.>%\u00e4', dpRank: 7, model: '', epoch: 'uid/3' },
        everywhere: true,
      });
      const published: KvMessage[] = [
        makeBatch(0, { payloadBytes: 0 }),
        { ...makeBatch(4_294_967_296, { payloadBytes: 5000 }), source: odd },
        {
          ...{ kind: 'loss', source: makeSource(), fromSequence: 1, untilSequence: 9 },
          receivedMs: 1_700_000_000_123,
        },
        { kind: 'gone', pod: '10.0.0.1:8000', receivedMs: 5 },
      ];
      for (const message of published) await trial.bus.publish(message, never);
      await using reader = collect(trial.bus);
      await reader.has(4);
      expect(reader.messages.map(plain)).toEqual(published);
      const ascending = [...new Set(reader.positions)].sort((a, b) => a - b);
      expect(reader.positions).toEqual(ascending);
      expect(reader.positions[0]).toBeGreaterThan(0);
      expect(reader.truncations).toEqual([]);
    });

    test('the messages of one source keep their order, however many are under way', async () => {
      await using trial = await create();
      const pods = ['a', 'b', 'c', 'd', 'e'];
      await using reader = collect(trial.bus);
      await publishAll(
        trial.bus,
        range(200).flatMap((sequence) => pods.map((pod) => makeBatch(sequence, { pod }))),
      );
      await reader.has(1000);
      for (const pod of pods) expect(sequences(reader.messages, pod)).toEqual(range(200));
    });

    test('the end of a pod comes behind what its ranks said before, and before what they say then', async () => {
      await using trial = await create();
      const life = (epoch: string) =>
        range(20).flatMap((sequence) =>
          [0, 1, 2].map((dpRank) => makeBatch(sequence, { dpRank, epoch })),
        );
      const gone = { kind: 'gone', pod: makeSource().pod, receivedMs: 1 } as const;
      await publishAll(trial.bus, [...life('first'), gone, ...life('second')]);
      await using reader = collect(trial.bus);
      await reader.has(121);
      expect(reader.messages[60]).toEqual(gone);
      const epochs = (messages: readonly KvMessage[]) =>
        new Set(messages.map((message) => (message.kind === 'gone' ? '' : message.source.epoch)));
      expect(epochs(reader.messages.slice(0, 60))).toEqual(new Set(['first']));
      expect(epochs(reader.messages.slice(61))).toEqual(new Set(['second']));
    });

    test('a message published again is kept once', async () => {
      await using trial = await create();
      const gone = { kind: 'gone', pod: 'a', receivedMs: 7 } as const;
      const again = { ...makeBatch(1), receivedMs: 99, payload: new Uint8Array(3) };
      await publishAll(trial.bus, [makeBatch(0), makeBatch(0), makeBatch(1), gone]);
      await publishAll(trial.bus, [gone, again, makeBatch(0, { epoch: 'e2' }), makeBatch(2)]);
      await using reader = collect(trial.bus);
      await reader.has(5);
      await reader.until(() => reader.caughtUp.includes(true));
      expect(sequences(reader.messages).sort()).toEqual([0, 0, 1, 2]);
      expect(reader.messages.filter(({ kind }) => kind === 'gone')).toEqual([gone]);
      expect(reader.messages).not.toContainEqual(again);
    });

    test('a reader goes on behind a place, also while messages come', async () => {
      await using trial = await create();
      await publishAll(
        trial.bus,
        range(10).map((sequence) => makeBatch(sequence)),
      );
      await using first = collect(trial.bus);
      await first.has(10);
      await using second = collect(trial.bus, { after: first.positions[6] });
      await using last = collect(trial.bus, { after: first.positions[9] });
      await trial.bus.publish(makeBatch(10), never);
      await Promise.all([first.has(11), second.has(4), last.has(1)]);
      expect(sequences(second.messages)).toEqual([7, 8, 9, 10]);
      expect(second.positions).toEqual(first.positions.slice(7));
      expect(sequences(last.messages)).toEqual([10]);
      expect([...second.truncations, ...last.truncations]).toEqual([]);
    });

    test('a message comes again after the reader failed, and nothing overtakes it', async () => {
      await using trial = await create();
      const tries: number[] = [];
      await using reader = collect(trial.bus, {
        onMessage: (message) => {
          const [sequence = -1] = sequences([message]);
          tries.push(sequence);
          if (sequence === 1 && tries.length < 4) throw new Error('not today');
        },
      });
      await publishAll(
        trial.bus,
        [0, 1, 2].map((sequence) => makeBatch(sequence)),
      );
      await reader.has(3);
      expect(tries).toEqual([0, 1, 1, 1, 2]);
      expect(sequences(reader.messages)).toEqual([0, 1, 2]);
    });

    test('a slow reader gets one at a time and all of them, and stops nobody', async () => {
      await using trial = await create();
      const gate = Promise.withResolvers<undefined>();
      let [present, most] = [0, 0];
      await using slow = collect(trial.bus, {
        onMessage: async (message) => {
          most = Math.max(most, ++present);
          if (sequences([message])[0] === 3) await gate.promise;
          await Promise.resolve();
          present--;
        },
      });
      await using fast = collect(trial.bus);
      await publishAll(
        trial.bus,
        range(1500).map((sequence) => makeBatch(sequence, { payloadBytes: 1000 })),
      );
      await fast.has(1500);
      expect(slow.messages).toHaveLength(3);
      gate.resolve(undefined);
      await slow.has(1500);
      expect(sequences(slow.messages)).toEqual(range(1500));
      expect(most).toBe(1);
    });

    test('a reader is told what the bus no longer has, before what it still has', async () => {
      await using trial = await create({ maxBytes: 200_000 });
      await trial.bus.publish(makeBatch(0), never);
      await using early = collect(trial.bus);
      await early.has(1);
      const after = early.positions[0] ?? 0;
      for (const sequence of range(60)) {
        await trial.bus.publish(makeBatch(sequence + 1, { payloadBytes: 10_000 }), never);
      }
      await using late = collect(trial.bus, { after });
      await late.until(() => late.caughtUp.includes(true));
      const first = late.positions[0] ?? 0;
      expect(late.truncations).toEqual([{ until: first - 1, after: 0 }]);
      expect(first).toBeGreaterThan(after + 1);
      expect(sequences(late.messages).at(-1)).toBe(60);
      expect(late.messages.length).toBeLessThan(20);
      await using anyone = collect(trial.bus);
      await anyone.has(late.messages.length);
      expect([anyone.positions, anyone.truncations]).toEqual([late.positions, []]);
    });

    test('a reader that falls behind what the bus keeps misses nothing silently', async () => {
      await using trial = await create({ maxBytes: 100_000 });
      const gate = Promise.withResolvers<undefined>();
      await trial.bus.publish(makeBatch(0), never);
      await using reader = collect(trial.bus, { onMessage: () => gate.promise });
      for (const sequence of range(1000)) {
        await trial.bus.publish(makeBatch(sequence + 1, { payloadBytes: 2000 }), never);
      }
      gate.resolve(undefined);
      await reader.until(() => sequences(reader.messages).at(-1) === 1000);
      expect(reader.truncations).toHaveLength(1);
      const { until = 0, after = 0 } = reader.truncations[0] ?? {};
      const had = reader.positions.slice(0, after);
      const has = reader.positions.slice(after);
      const missing = until - (had.at(-1) ?? 0);
      expect(had.length + missing + has.length).toBe(1001);
      expect(has[0]).toBe(until + 1);
    });

    test('behind a place that the bus never gave, everything is told as missing and comes', async () => {
      await using trial = await create();
      await publishAll(trial.bus, [makeBatch(0), makeBatch(1)]);
      await using first = collect(trial.bus);
      await first.has(2);
      await using reader = collect(trial.bus, { after: (first.positions[1] ?? 0) + 1000 });
      await reader.has(2);
      expect(reader.truncations).toEqual([{ until: (first.positions[0] ?? 0) - 1, after: 0 }]);
      expect(reader.positions).toEqual(first.positions);
    });

    test('a reader learns when it has everything', async () => {
      await using trial = await create();
      await using early = collect(trial.bus);
      await early.until(() => early.caughtUp.length === 1);
      expect([early.caughtUp, early.messages]).toEqual([[true], []]);
      await publishAll(
        trial.bus,
        range(300).map((sequence) => makeBatch(sequence)),
      );
      let had = -1;
      await using late = collect(trial.bus);
      await late.until(() => {
        if (had < 0 && late.caughtUp.length > 0) had = late.messages.length;
        return late.caughtUp.length > 0;
      });
      expect([had, late.caughtUp]).toEqual([300, [true]]);
    });

    test('a heartbeat reaches those who read, behind what its source published, and is not kept', async () => {
      await using trial = await create();
      const heartbeat: KvHeartbeatMessage = {
        kind: 'heartbeat',
        source: makeSource(),
        sequence: 41,
        receivedMs: 1,
      };
      await publishAll(
        trial.bus,
        range(42).map((sequence) => makeBatch(sequence)),
      );
      const gate = Promise.withResolvers<undefined>();
      await using reader = collect(trial.bus, {
        onMessage: (message) => (sequences([message])[0] === 20 ? gate.promise : undefined),
      });
      await reader.has(20);
      await trial.bus.publish(heartbeat, never);
      gate.resolve(undefined);
      await reader.has(43);
      expect(reader.messages.at(-1)).toEqual(heartbeat);
      expect(reader.positions.at(-1)).toBe(reader.positions.at(-2));
      await trial.bus.publish({ ...heartbeat, receivedMs: 2 }, never);
      await reader.has(44);
      expect(reader.messages.at(-1)).toEqual({ ...heartbeat, receivedMs: 2 });
      await using late = collect(trial.bus);
      await late.until(() => late.caughtUp.includes(true));
      expect(late.messages.every(({ kind }) => kind === 'batch')).toBe(true);
    });

    test('a read ends with its signal, when the message in hand is done', async () => {
      await using trial = await create();
      await publishAll(trial.bus, [makeBatch(0), makeBatch(1)]);
      const gate = Promise.withResolvers<undefined>();
      const held = Promise.withResolvers<undefined>();
      const stop = new AbortController();
      const order: string[] = [];
      const read = trial.bus
        .read(
          {
            onMessage: async () => {
              held.resolve(undefined);
              await gate.promise;
              order.push('done');
            },
          },
          { signal: stop.signal },
        )
        .then(() => order.push('ended'));
      await held.promise;
      stop.abort();
      gate.resolve(undefined);
      await read;
      expect(order).toEqual(['done', 'ended']);
      const aborted = trial.bus.read({ onMessage: () => undefined }, { signal: stop.signal });
      await expect(aborted).resolves.toBeUndefined();
    });

    test('a signal ends the tries to hand over a message that fails', async () => {
      await using trial = await create();
      await trial.bus.publish(makeBatch(0), never);
      const stop = new AbortController();
      const failing = () => {
        stop.abort();
        throw new Error('never');
      };
      const read = trial.bus.read({ onMessage: failing }, { signal: stop.signal });
      await expect(read).resolves.toBeUndefined();
    });

    test('closing ends reads and refuses what is published then', async () => {
      await using trial = await create();
      await using reader = collect(trial.bus);
      await reader.until(() => reader.caughtUp.includes(true));
      await trial.bus[Symbol.asyncDispose]();
      await reader.ended;
      const late = trial.bus.publish(makeBatch(0), never);
      await expect(late).rejects.toMatchObject({ code: 'KV_BUS_CLOSED' });
      const read = trial.bus.read({ onMessage: () => undefined }, { signal: never });
      await expect(read).resolves.toBeUndefined();
    });

    test('a message is not published after its signal fired', async () => {
      await using trial = await create();
      const stop = new AbortController();
      stop.abort(new Error('enough'));
      await expect(trial.bus.publish(makeBatch(0), stop.signal)).rejects.toThrow('enough');
      await trial.bus.publish(makeBatch(1), never);
      await using reader = collect(trial.bus);
      await reader.has(1);
      expect(sequences(reader.messages)).toEqual([1]);
    });

    test('the newest snapshot comes back as it was saved', async () => {
      await using trial = await create();
      const { snapshots } = trial.bus;
      expect(await snapshots.load(never)).toBeUndefined();
      const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 7919) >> 3);
      await snapshots.save({ position: 900, takenMs: 10, bytes: new Uint8Array(3) }, never);
      await snapshots.save({ position: 1000, takenMs: 30, bytes }, never);
      await snapshots.save({ position: 950, takenMs: 20, bytes: new Uint8Array(0) }, never);
      const loaded = await snapshots.load(never);
      expect([loaded?.position, loaded?.takenMs]).toEqual([1000, 30]);
      expect(Buffer.compare(loaded?.bytes ?? new Uint8Array(), bytes)).toBe(0);
    });

    test('a damaged snapshot is reported, and the one before it serves', async () => {
      const logger = recordingLogger();
      await using trial = await create({ telemetry: { ...noopTelemetry, logger } });
      const { snapshots } = trial.bus;
      for (const position of [1, 2, 3]) {
        const bytes = new Uint8Array(200_000).fill(position);
        await snapshots.save({ position, takenMs: position, bytes }, never);
      }
      await trial.damageNewestSnapshot();
      expect(await snapshots.load(never)).toMatchObject({ position: 2, takenMs: 2 });
      const errors = logger.lines.filter(({ level }) => level === 'error');
      expect(errors).toMatchObject([{ fields: { position: 3 } }]);
      await trial.damageNewestSnapshot();
    });
  });
}
