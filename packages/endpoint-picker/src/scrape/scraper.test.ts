import { VirtualClock, type Random } from '@llm-d/determinism';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { createFleet } from '../fleet/fleet.ts';
import { engineMappings, type EngineMapping } from './engine-mapping.ts';
import { ScrapeError, type MetricsTransport, type ScrapeFailure } from './metrics-transport.ts';
import { startScraper } from './scraper.ts';

const half: Random = { next: () => 0.5 };
/** Lets promises settle that a timer callback started. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const setUp = (answer: (signal: AbortSignal, query?: string) => Promise<Buffer>) => {
  const clock = new VirtualClock();
  const fleet = createFleet();
  const logger = recordingLogger();
  const forgotten: string[] = [];
  let scrapes = 0;
  const transport: MetricsTransport = {
    get: (_, signal, query) => {
      scrapes++;
      return answer(signal, query);
    },
    forget: ({ name }) => forgotten.push(name),
    close: () => Promise.resolve(),
  };
  fleet.reconcile([{ ...makeEndpoint('a') }]);
  const scraper = startScraper({
    fleet,
    transport,
    clock,
    random: half,
    mappingFor: ({ engine = 'vllm' }) => engineMappings[engine] as EngineMapping,
    telemetry: { ...noopTelemetry, logger },
  });
  const advance = async (ms: number) => {
    // In small steps, so that what a scrape starts is settled before the next timer fires.
    for (let done = 0; done < ms; done += 5) {
      clock.advance(5);
      await settle();
    }
  };
  return { clock, fleet, logger, forgotten, scraper, advance, scrapes: () => scrapes };
};
const exposition = (queue: number) =>
  Promise.resolve(Buffer.from(`vllm:num_requests_waiting ${queue}\n`));
const failing = (failure: ScrapeFailure) => () =>
  Promise.reject(new ScrapeError(failure, 'http://a/metrics'));

describe('the scraper', () => {
  test('reads what the labels of the moment say, and keeps what was read meanwhile', async () => {
    const text = 'vllm:num_requests_waiting 4\nsglang:num_queue_reqs 9\n';
    let answers = true;
    const { fleet, advance, scraper, clock } = setUp(() =>
      answers ? Promise.resolve(Buffer.from(text)) : failing('bad-status')(),
    );
    const waiting = () => fleet.snapshot()[0]?.metrics.waitingRequests;
    await advance(100);
    expect(waiting()).toBe(4);
    answers = false;
    fleet.reconcile([{ ...makeEndpoint('a'), labels: { engine: 'sglang' } }]);
    await advance(100);
    expect(waiting()).toBe(4);
    answers = true;
    await advance(1000);
    expect(waiting()).toBe(9);
    scraper.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('scrapes every endpoint once an interval, beginning at a random point of it', async () => {
    const { fleet, advance, scrapes, scraper, clock } = setUp(() => exposition(4));
    await advance(20);
    expect(scrapes()).toBe(0);
    await advance(5);
    expect(scrapes()).toBe(1);
    expect(fleet.snapshot()[0]?.metrics).toMatchObject({ waitingRequests: 4, updatedAtMs: 25 });
    await advance(500);
    expect(scrapes()).toBe(11);
    scraper.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('never scrapes an endpoint twice at a time, and gives up after the timeout', async () => {
    const { advance, scrapes, logger, scraper } = setUp(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(new ScrapeError('timeout', 'http://a/metrics'));
          });
        }),
    );
    await advance(1000);
    expect(scrapes()).toBe(1);
    await advance(300);
    expect(scrapes()).toBe(2);
    expect(logger.lines).toMatchObject([{ level: 'warn', message: 'scrape failed' }]);
    scraper.stop();
  });

  test('ejects an endpoint that cannot be reached and restores it when it answers again', async () => {
    let reachable = false;
    const { fleet, advance, logger, scraper } = setUp(() =>
      reachable ? exposition(0) : failing('unreachable')(),
    );
    const id = fleet.snapshot()[0]?.id ?? '';
    await advance(30);
    expect(fleet.ejectionOf(id)?.reason).toBe('metrics unreachable');
    await advance(10_000);
    expect(fleet.ejectionOf(id)).toBeDefined();
    reachable = true;
    await advance(1000);
    expect(fleet.ejectionOf(id)).toBeUndefined();
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'scrape failed',
      'scrape works again',
    ]);
    scraper.stop();
  });

  test('an endpoint without metrics stays routable', async () => {
    const { fleet, advance, scraper } = setUp(failing('bad-status'));
    await advance(5000);
    expect(fleet.ejectionOf(fleet.snapshot()[0]?.id ?? '')).toBeUndefined();
    scraper.stop();
  });

  test('forgets an endpoint that has left', async () => {
    const { fleet, advance, scrapes, forgotten, clock } = setUp(() => exposition(0));
    await advance(25);
    fleet.reconcile([]);
    await advance(500);
    expect(scrapes()).toBe(1);
    expect(forgotten).toEqual(['a']);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('an endpoint at rest', () => {
  test('is scraped less often, and at the full rate as soon as it has something to do', async () => {
    const { fleet, advance, scrapes, scraper } = setUp(() => exposition(0));
    await advance(1025);
    const before = scrapes();
    await advance(600);
    expect(scrapes() - before).toBe(4);
    const [endpoint] = fleet.snapshot();
    const placement = endpoint && fleet.place(endpoint);
    await advance(150);
    const placed = scrapes();
    placement?.release();
    await advance(150);
    expect(scrapes() - placed).toBeGreaterThan(1);
    scraper.stop();
  });
});

describe('a part of the metrics', () => {
  const whole = `vllm:num_requests_waiting 4\n${'# something else\n'.repeat(100)}`;

  test('is asked for once the whole was seen', async () => {
    const queries: string[] = [];
    const { advance, scraper, fleet } = setUp((_, query = '') => {
      queries.push(query);
      return query === '' ? Promise.resolve(Buffer.from(whole)) : exposition(5);
    });
    await advance(200);
    expect(queries[0]).toBe('');
    expect(queries.slice(1).every((query) => query.startsWith('?name[]=vllm'))).toBe(true);
    expect(fleet.snapshot()[0]?.metrics.waitingRequests).toBe(5);
    scraper.stop();
  });

  test.each([
    ['answers it with nothing', () => Promise.resolve(Buffer.alloc(0))],
    ['refuses it', failing('bad-status')],
  ])('is given up within the same scrape where the server %s', async (_, narrow) => {
    const queries: string[] = [];
    const { advance, scraper, fleet, logger } = setUp((_signal, query = '') => {
      queries.push(query);
      return query === '' ? Promise.resolve(Buffer.from(whole)) : narrow();
    });
    await advance(300);
    expect(queries.filter((query) => query !== '')).toHaveLength(1);
    expect(fleet.snapshot()[0]?.metrics.waitingRequests).toBe(4);
    expect(logger.lines).toEqual([]);
    scraper.stop();
  });
});
