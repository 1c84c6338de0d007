import { VirtualClock } from '@llm-d/determinism';
import type { Extractor } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { createFleet } from '../fleet/fleet.ts';
import { extractErrorsTotal, pollErrorsTotal } from '../metric-definitions/data-series.ts';
import { ScrapeError } from '../scrape/metrics-transport.ts';
import { startPolledSource } from './polled-source.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

function setUp(
  answer: (signal: AbortSignal) => Promise<Buffer>,
  extract: Extractor['extract'] = (_endpoint, bytes) => ({ length: bytes.length }),
) {
  const clock = new VirtualClock();
  const fleet = createFleet();
  const logger = recordingLogger();
  const metrics = recordingMetrics();
  const forgotten: string[] = [];
  let polls = 0;
  fleet.reconcile([{ ...makeEndpoint('a') }]);
  const source = startPolledSource({
    type: 'some-source',
    fleet,
    transport: {
      get: (_, signal) => {
        polls++;
        return answer(signal);
      },
      forget: ({ name }) => forgotten.push(name),
      close: () => Promise.resolve(),
    },
    extractors: [{ name: 'e', type: 'some-extractor', plugin: { extract } }],
    intervalMs: 100,
    clock,
    random: { next: () => 0.5 },
    telemetry: { ...noopTelemetry, logger, metrics },
  });
  const advance = async (ms: number) => {
    for (let done = 0; done < ms; done += 10) {
      clock.advance(10);
      await settle();
    }
  };
  const errors = () => metrics.value(pollErrorsTotal, { source_type: 'some-source' });
  const confusions = () =>
    metrics.value(extractErrorsTotal, {
      source_type: 'some-source',
      extractor_type: 'some-extractor',
    });
  const custom = () => fleet.snapshot()[0]?.metrics.custom;
  const at = { clock, fleet, logger, forgotten, source };
  return { ...at, advance, errors, confusions, custom, polls: () => polls };
}
const bytes = (length: number) => () => Promise.resolve(Buffer.alloc(length));
const refused = () => Promise.reject(new ScrapeError('unreachable', 'http://a/'));

describe('a polled source', () => {
  test('asks every endpoint once an interval and keeps what extractors find', async () => {
    const { advance, polls, custom, source, clock } = setUp(bytes(7));
    await advance(40);
    expect(polls()).toBe(0);
    await advance(10);
    expect(custom()).toEqual({ length: 7 });
    await advance(1000);
    expect(polls()).toBe(11);
    source.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('asks one that does not answer less and less often, counts it and ejects nobody', async () => {
    const { advance, polls, errors, logger, fleet } = setUp(refused);
    // At 50, 250, 650 and 1450 ms.
    await advance(3000);
    expect([polls(), errors()]).toEqual([4, 4]);
    expect(logger.lines).toMatchObject([{ message: 'poll failed' }]);
    expect(fleet.healthy(0)).toHaveLength(1);
  });

  test('never asks an endpoint twice at a time, and gives up after a second', async () => {
    const { advance, polls, errors } = setUp(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new ScrapeError('timeout', 'http://a/'));
          });
        }),
    );
    await advance(1000);
    expect([polls(), errors()]).toEqual([1, 0]);
    await advance(100);
    expect(errors()).toBe(1);
  });

  test('counts answers that make no sense apart, and says so once until they do', async () => {
    let isOdd = true;
    const { advance, errors, confusions, logger } = setUp(bytes(7), () => {
      if (isOdd) throw new Error('odd');
      return undefined;
    });
    await advance(200);
    expect([errors(), confusions()]).toEqual([0, 2]);
    isOdd = false;
    await advance(100);
    isOdd = true;
    await advance(100);
    expect(confusions()).toBe(3);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'extraction failed',
      'extraction failed',
    ]);
  });

  test('forgets an endpoint that has left', async () => {
    const { advance, fleet, polls, forgotten, clock } = setUp(bytes(7));
    await advance(50);
    fleet.reconcile([]);
    await advance(500);
    expect([polls(), forgotten]).toEqual([1, ['a']]);
    expect(clock.pendingTimers).toBe(0);
  });
});
