import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configMaps, recordedEvents, type RecordedEvent } from '../built-in-types.ts';
import {
  configMap,
  dice,
  virtualCluster,
  type VirtualCluster,
} from '../virtual-cluster.testing.ts';
import {
  createEventRecorder,
  type EventRecorder,
  type EventRecorderOptions,
} from './event-recorder.ts';
import type { EventNote } from './event-series.ts';

let cluster: VirtualCluster;
let recorder: EventRecorder;
const logger = recordingLogger();

const start = (options: Partial<EventRecorderOptions> = {}): void => {
  const { client, clock } = cluster;
  recorder = createEventRecorder({
    client,
    clock,
    random: dice(),
    controller: 'llm-d.ai/suite',
    instance: 'suite-0',
    telemetry: { ...noopTelemetry, logger },
    ...options,
  });
};
beforeEach(() => {
  cluster = virtualCluster({ types: [configMaps, recordedEvents] });
  start();
});
afterEach(async () => {
  cluster.server.faults.clear();
  const stopped = recorder.stop();
  await cluster.pass(10_000);
  await stopped;
  expect(cluster.clock.pendingTimers).toBe(0);
});

const event = (note = 'it is so'): EventNote => ({
  type: 'Warning',
  reason: 'Because',
  action: 'Reconcile',
  note,
});
const about = (name = 'a') => cluster.server.put(configMaps, configMap(name));
const written = (): readonly RecordedEvent[] => cluster.server.objects(recordedEvents);
const writes = () => cluster.server.requests.map(({ verb }) => verb);

test('an event says what happened to which object, and who says so', async () => {
  const object = about();
  recorder.record(object, event());
  await cluster.settle();
  expect(written()).toEqual([
    expect.objectContaining({
      type: 'Warning',
      reason: 'Because',
      action: 'Reconcile',
      note: 'it is so',
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'llm-d.ai/suite',
      reportingInstance: 'suite-0',
      regarding: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: 'a',
        namespace: 'default',
        uid: object.metadata.uid,
        resourceVersion: object.metadata.resourceVersion,
      },
    }),
  ]);
  expect(written()[0]?.metadata).toMatchObject({
    namespace: 'default',
    name: expect.stringMatching(/^a\.[0-9a-f]{16}$/) as string,
  });
  expect(written()[0]).not.toHaveProperty('series');
});

test('repeats are one event that counts, written now and then', async () => {
  const object = about();
  for (let second = 0; second < 200; second++) {
    recorder.record(object, event());
    await cluster.pass(1000);
  }
  expect(writes()).toEqual(['create', 'patch', 'patch', 'patch', 'patch']);
  expect(written()).toHaveLength(1);
  expect(written()[0]?.series).toEqual({
    count: 182,
    lastObservedTime: '2026-01-01T00:03:01.000000Z',
  });
  await recorder.stop();
  expect(written()[0]?.series?.count).toBe(200);
});

test.each<[string, Partial<EventNote>]>([
  ['of another note', { note: 'other' }],
  ['of another reason', { reason: 'Other' }],
  ['of another kind', { type: 'Normal' }],
])('an event %s is another one', async (_, change) => {
  const object = about();
  recorder.record(object, event());
  recorder.record(object, { ...event(), ...change });
  await cluster.settle();
  expect(written()).toHaveLength(2);
});

test('the same about another object is another one, and so is what happens after a long silence', async () => {
  recorder.record(about('a'), event());
  recorder.record(about('b'), event());
  await cluster.pass(361_000);
  recorder.record(about('a'), event());
  await cluster.settle();
  expect(written()).toHaveLength(3);
});

test('a series goes on in a new event when the API server has forgotten the first', async () => {
  const object = about();
  recorder.record(object, event());
  await cluster.settle();
  cluster.server.remove(recordedEvents, {
    namespace: 'default',
    name: written()[0]?.metadata.name ?? '',
  });
  recorder.record(object, event());
  await cluster.pass(1000);
  expect(written()).toMatchObject([{ series: { count: 2 } }]);
});

test('an object that is too loud is not heard, others are', async () => {
  const [loud, quiet] = [about('loud'), about('quiet')];
  for (let count = 0; count < 100; count++) recorder.record(loud, event(`the ${count}th`));
  recorder.record(quiet, event());
  await cluster.settle();
  const heard = (name: string) =>
    written().filter(({ regarding }) => regarding?.name === name).length;
  expect([heard('loud'), heard('quiet')]).toEqual([25, 1]);
  await cluster.pass(300_000);
  recorder.record(loud, event('later'));
  await cluster.settle();
  expect(heard('loud')).toBe(26);
});

describe('while the API server', () => {
  test('is away, events wait', async () => {
    cluster.server.faults.inject({ kind: 'unreachable' }, { times: 2 });
    recorder.record(about(), event());
    await cluster.pass(15_000);
    expect(written()).toEqual([]);
    await cluster.pass(10_000);
    expect(written()).toHaveLength(1);
  });

  test('does not answer, an event that had arrived is not written twice', async () => {
    cluster.server.faults.inject({ kind: 'lost' }, { times: 1 });
    recorder.record(about(), event());
    await cluster.pass(11_000);
    expect(written()).toHaveLength(1);
    expect(writes()).toEqual(['create', 'create']);
  });

  test('refuses, events are lost and that is said once', async () => {
    cluster.server.faults.forbid(recordedEvents);
    for (const name of ['a', 'b']) recorder.record(about(name), event());
    await cluster.settle();
    expect(writes()).toEqual(['create', 'create']);
    expect(
      logger.lines.filter(({ message }) => message === 'an event could not be written'),
    ).toHaveLength(1);
  });

  test('is silent, no more than so many wait, and a stop has an end', async () => {
    await recorder.stop();
    start({ maxPending: 2 });
    cluster.server.faults.inject({ kind: 'silence' });
    for (const name of ['a', 'b', 'c', 'd', 'e']) recorder.record(about(name), event());
    await cluster.settle();
    const stopped = recorder.stop(1000);
    await cluster.pass(1000);
    await stopped;
    recorder.record(about(), event());
    await cluster.settle();
    expect(writes()).toEqual(['create']);
  });
});

test('a note that is too long is cut between characters', async () => {
  recorder.record(about(), event(`${'x'.repeat(1020)}äöü`));
  await cluster.settle();
  const note = written()[0]?.note ?? '';
  expect(note).toBe(`${'x'.repeat(1020)}...`);
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
});

test('an object without a namespace is spoken of in `default`, and a long name is cut', async () => {
  const long = 'n'.repeat(253);
  recorder.record({ apiVersion: 'v1', kind: 'Node', metadata: { name: long } }, event());
  await cluster.settle();
  expect(written()[0]?.metadata.namespace).toBe('default');
  expect(written()[0]?.metadata.name).toHaveLength(253);
});
