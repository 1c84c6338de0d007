import { describe, expect, test } from 'vitest';
import { buildReport, reportArm } from './build-report.ts';
import { comparisonTable, formatSeconds } from './comparison.ts';
import { prefixTable } from './prefix-table.ts';
import { renderHtmlReport } from './html-report.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { parseBenchmarkReport, ReportFormatError, type BenchmarkReport } from './report-schema.ts';
import type { RequestRecord } from './request-record.ts';
import type { RunResult } from './run-workload.ts';
import { summarizeRun } from './summary.ts';
import { cautions, verdicts } from './verdict.ts';

const workload = {
  name: 'test',
  seed: 1,
  loop: 'open',
  parameters: { requests: 3, speed: 2, arrival: 'poisson' },
} as const;

const record = (fields: Partial<RequestRecord> = {}): RequestRecord => ({
  intendedAtMs: 1000,
  sentAtMs: 1001,
  inputTokens: 100,
  outputTokens: 10,
  ttftMs: 200,
  tpotMs: 20,
  e2eMs: 400,
  ...fields,
});
const result = (records: RequestRecord[], gapsMs: number[] = []): RunResult => {
  const interTokenLatency = new LatencyHistogram();
  for (const gap of gapsMs) interTokenLatency.record(gap);
  return {
    workload,
    startedAtEpochMs: Date.UTC(2026, 0, 2),
    durationMs: 10_000,
    records,
    interTokenLatency,
    warmUpRequests: 0,
  };
};
const failed = (kind: 'timeout' | 'http') => record({ failure: { kind, message: kind } });

const report = (...arms: [string, RunResult][]): BenchmarkReport =>
  buildReport(
    arms.map(([name, run]) => reportArm(name, run, { serviceLevel: { ttftMs: 500 } })),
    {
      title: 'A & B <test>',
      workload,
      method: { warmUpMs: 0, timeoutMs: 60_000, maxInFlight: 10, notes: ['A note.'] },
    },
  );
const answeredBy = (endpoint: string, ttftMs: number) =>
  record({ endpoint, ttftMs, promptTokens: 100, cachedTokens: 40 });
const twoArms = () =>
  report(
    [
      'random',
      result([answeredBy('a', 300), answeredBy('a', 320), answeredBy('b', 310)], [20, 30]),
    ],
    ['default', result([answeredBy('a', 100), answeredBy('b', 120), failed('http')], [20])],
  );

describe('a summary', () => {
  test('keeps failed requests out of the latencies and counts them by kind', () => {
    const summary = summarizeRun(
      result([record({ ttftMs: 100 }), record({ ttftMs: 300 }), failed('timeout'), failed('http')]),
    );
    expect(summary.requests).toEqual({
      total: 4,
      ok: 2,
      failed: 2,
      failuresByKind: { timeout: 1, http: 1 },
    });
    expect(summary.ttftMs).toMatchObject({ count: 2, mean: 200 });
    expect(summary.clientLagMs).toMatchObject({ count: 4, mean: 1 });
    expect(summary.requestsPerSecond).toBe(0.2);
    expect(summary.outputTokensPerSecond).toBe(2);
  });

  test('takes a missing count of cached tokens for none once a server has reported one', () => {
    expect(summarizeRun(result([record(), record()])).prefixReuse).toBeUndefined();
    const reported = [
      record({ promptTokens: 100, cachedTokens: 60 }),
      record({ promptTokens: 100 }),
    ];
    expect(summarizeRun(result(reported)).prefixReuse).toEqual({
      cachedTokens: 60,
      promptTokens: 200,
      hitRate: 0.3,
    });
  });

  test('counts idle servers in the balance when they are known', () => {
    const records = [
      record({ endpoint: 'b' }),
      record({ endpoint: 'b' }),
      record({ endpoint: 'a' }),
    ];
    expect(summarizeRun(result(records)).balance).toEqual({
      endpoints: [
        { endpoint: 'a', requests: 1, tokens: 110 },
        { endpoint: 'b', requests: 2, tokens: 220 },
      ],
      requestImbalance: 4 / 3,
      tokenImbalance: 4 / 3,
    });
    const known = summarizeRun(result(records), { endpoints: ['a', 'b', 'c', 'd'] });
    expect(known.balance?.requestImbalance).toBe(8 / 3);
  });

  test('counts as goodput what kept every bound', () => {
    const records = [
      record({ ttftMs: 500, tpotMs: 50 }),
      record({ ttftMs: 501, tpotMs: 50 }),
      record({ ttftMs: 500, tpotMs: 51 }),
      failed('http'),
    ];
    const serviceLevel = { ttftMs: 500, tpotMs: 50 };
    expect(summarizeRun(result(records), { serviceLevel }).goodput).toEqual({
      serviceLevel,
      requests: 1,
      share: 0.25,
      requestsPerSecond: 0.1,
    });
  });

  test('of nothing has no latencies', () => {
    const summary = summarizeRun(result([]));
    expect(summary.requests.total).toBe(0);
    expect(summary).not.toHaveProperty('ttftMs');
  });
});

describe('a report', () => {
  test('is the same after a round through JSON and its schema', () => {
    const original = twoArms();
    expect(parseBenchmarkReport(JSON.stringify(original))).toEqual(original);
  });

  test('has the results block of llm-d-benchmark, in seconds', () => {
    const { aggregate } = twoArms().arms[1]?.results.request_performance ?? {};
    expect(aggregate?.requests).toMatchObject({ total: 3, failures: 1, incomplete: 0 });
    expect(aggregate?.latency.time_to_first_token).toMatchObject({
      units: 's',
      mean: 0.11,
      max: 0.12,
    });
    expect(aggregate?.throughput.request_rate).toEqual({ units: 'queries/s', mean: 0.2 });
  });

  test('that is wrong is refused with the places named', () => {
    const wrong = { ...twoArms(), schema: 'v0', arms: [] };
    const parse = () => parseBenchmarkReport(JSON.stringify(wrong));
    expect(parse).toThrow(ReportFormatError);
    expect(parse).toThrow(/schema[\s\S]*arms/);
  });

  test('has a distribution function that ends at the greatest value', () => {
    const records = Array.from({ length: 1000 }, (_, i) => record({ ttftMs: i + 1 }));
    const { ttft_cdf: points } = reportArm('x', result(records)).series;
    expect(points).toHaveLength(200);
    expect(points.at(-1)).toEqual([1, 1]);
    expect(points[99]).toEqual([0.5, 0.5]);
  });

  test('has no span of time without a request', () => {
    const records = [100, 200, 60_000].map((intendedAtMs, i) =>
      record({ intendedAtMs, ttftMs: (i + 1) * 100 }),
    );
    expect(reportArm('x', result(records)).series.ttft_over_time).toEqual([
      { at_s: 0, requests: 2, mean: 0.15, p95: 0.2 },
      { at_s: 60, requests: 1, mean: 0.3, p95: 0.3 },
    ]);
  });
});

describe('the comparison', () => {
  const cell = (of: BenchmarkReport, arm: number, column: string) => {
    const { columns, rows } = comparisonTable(of);
    return rows[arm]?.cells[columns.indexOf(column) - 1];
  };

  test('marks the better figure of each column', () => {
    const table = twoArms();
    expect(cell(table, 0, 'TTFT mean')).toEqual({ text: '310 ms', best: false });
    expect(cell(table, 1, 'TTFT mean')).toEqual({ text: '110 ms', best: true });
    expect(cell(table, 0, 'failed')).toEqual({ text: '0', best: true });
    expect(cell(table, 1, 'imbalance')).toEqual({ text: '1.00', best: true });
  });

  test('marks nothing that reads the same, and leaves out what no arm has', () => {
    const same = report(['a', result([record()])], ['b', result([record({ ttftMs: 200.1 })])]);
    expect(cell(same, 0, 'TTFT mean')?.best).toBe(false);
    expect(cell(same, 1, 'TTFT mean')?.best).toBe(false);
    expect(comparisonTable(same).columns).not.toContain('hit rate');
    expect(cell(same, 0, 'ITL p50')).toEqual({ text: '–', best: false });
  });

  test('is narrower when brief', () => {
    expect(comparisonTable(twoArms(), { brief: true }).columns).toEqual(
      'arm,TTFT mean,p50,p95,p99,ITL p50,hit rate,imbalance,goodput,req/s,failed'.split(','),
    );
  });

  test.each([
    [0.00123, '1.23 ms'],
    [0.0123, '12.3 ms'],
    [0.25, '250 ms'],
    [0.9996, '1.00 s'],
    [2.5, '2.50 s'],
    [94.94, '94.9 s'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });

  test('says in words who is ahead, also when it is the other', () => {
    expect(verdicts(twoArms(), 'default')).toEqual([
      'Mean TTFT: default 110 ms, random 310 ms; random takes 2.82 times as long.',
    ]);
    expect(verdicts(twoArms(), 'random')).toEqual([
      'Mean TTFT: random 310 ms, default 110 ms; random takes 2.82 times as long.',
    ]);
    expect(verdicts(twoArms(), 'absent')).toEqual([]);
    const close = report(
      ['default', result([record({ ttftMs: 100 }), record({ ttftMs: 300 })])],
      ['other', result([record({ ttftMs: 110 }), record({ ttftMs: 310 })])],
    );
    expect(verdicts(close, 'default')[0]).toContain('the confidence intervals overlap');
  });
});

test('an arm whose client was late or dropped requests is to be doubted', () => {
  const late = record({ sentAtMs: 1150 });
  const dropped = record({ failure: { kind: 'dropped', message: 'full' } });
  const doubted = report(['good', result([record()])], ['bad', result([late, dropped])]);
  const [lag, drops, ...rest] = cautions(doubted);
  expect(lag).toContain('bad: the client was up to 150 ms late');
  expect(drops).toContain('bad: requests not sent because too many were in flight: 1');
  expect(rest).toEqual([]);
});

describe('the page', () => {
  test('shows every arm, its plots and the method, and escapes what it is given', async () => {
    const page = await renderHtmlReport(twoArms());
    for (const text of ['random', 'default', 'A &amp; B &lt;test&gt;', 'A note.', '1 http']) {
      expect(page).toContain(text);
    }
    expect(page.match(/<svg/g)).toHaveLength(4);
    expect(page).not.toContain('<test>');
  });

  test('loads nothing and runs nothing', async () => {
    const page = await renderHtmlReport(twoArms());
    expect(page).not.toMatch(/<(script|link|img|iframe|object|image|use)\b/);
    expect(page).not.toMatch(/(src|href|url\()\s*=?\s*["']?(https?:)?\/\//);
    expect(page).not.toContain('@import');
  });

  test('has no id twice', async () => {
    const ids = (await renderHtmlReport(twoArms())).match(/\bid="[^"]+"/g) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('leaves out plots without figures', async () => {
    const page = await renderHtmlReport(report(['only', result([])]));
    expect(page.match(/<svg/g)).toBeNull();
    expect(page).toContain('only');
  });
});

describe('the prefix table', () => {
  const sampled = () =>
    buildReport(
      [
        reportArm('random', result([answeredBy('a', 300)]), {
          prefixSamples: [{ promptTokens: 100, cachedTokens: 40, bestTokens: 90 }],
        }),
        reportArm('precise', result([answeredBy('a', 100)]), {
          prefixSamples: [
            { promptTokens: 100, cachedTokens: 60, predictedTokens: 50, bestTokens: 60 },
            { promptTokens: 100, cachedTokens: 0, predictedTokens: 20, bestTokens: 10 },
          ],
        }),
        reportArm('unsampled', result([answeredBy('a', 100)])),
      ],
      {
        title: 't',
        workload,
        method: { warmUpMs: 0, timeoutMs: 60_000, maxInFlight: 10, notes: [] },
      },
    );

  test('sets what was had, what could be had and what was believed side by side', () => {
    const { columns, rows } = prefixTable(sampled()) ?? { columns: [], rows: [] };
    const titles = ['sampled', 'hits', 'best possible', 'lost', 'predicted', 'too much'];
    expect(columns).toEqual(['arm', 'hit rate', ...titles, 'too little']);
    expect(rows.map(({ cells }) => cells.map(({ text }) => text))).toEqual([
      ['40.0 %', '1', '40.0 %', '90.0 %', '50.0 %', '–', '–', '–'],
      ['40.0 %', '2', '30.0 %', '35.0 %', '5.0 %', '35.0 %', '10.0 %', '5.0 %'],
      ['40.0 %', '–', '–', '–', '–', '–', '–', '–'],
    ]);
    expect(rows[1]?.cells.map(({ best }) => best)).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  test('is in the page and survives JSON, and is missing where nothing was sampled', async () => {
    const read = parseBenchmarkReport(JSON.stringify(sampled()));
    expect(read).toEqual(sampled());
    expect(await renderHtmlReport(read)).toContain('<h2>Prompts and caches</h2>');
    expect(prefixTable(twoArms())).toBeUndefined();
    expect(await renderHtmlReport(twoArms())).not.toContain('Prompts and caches');
  });
});
