import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { drawStack, lineOfStack } from './stack-table.ts';
import type { StackView } from './stack-view.ts';

const row = {
  name: '10.0.0.1:8000',
  up: true,
  running: 3,
  waiting: 2,
  kvUsage: 0.256,
  prefixHitRate: 0.5,
  picks: 12,
  known: undefined,
};
const view: StackView = {
  servers: [row, { ...row, name: '10.0.0.2:8000', up: false, prefixHitRate: undefined }],
  requests: 40,
  errors: 1,
  requestsPerSecond: 3.21,
  ttft: { p50: 0.0123, p90: 1.5, p99: undefined },
  interToken: { p50: undefined, p90: undefined, p99: undefined },
  index: undefined,
  programs: [],
};
const index = {
  blocks: 31_250,
  isCaughtUp: true,
  isTrusted: true,
  whole: 1,
  heard: 1,
  servers: 2,
  lagMs: 3.4,
  hitShare: 0.614,
  unused: 0,
};

test('the table shows every server and fits a narrow terminal', () => {
  const lines = stripVTControlCharacters(drawStack(view)).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  const text = lines.join('\n');
  expect(text).toMatch(/10\.0\.0\.1:8000 +│ +3 │ +2 │ +26 % │ +50 % │ +12 │/);
  expect(text).toContain('10.0.0.2:8000 down');
  expect(text).toContain('40 requests  3.2/s  1 failed');
  expect(text).toContain('TTFT         p50 12 ms  p90 1.50 s  p99 –');
});

test('a log gets the same in one line', () => {
  expect(stripVTControlCharacters(lineOfStack(view))).toMatch(
    /^40 requests.* \| 10\.0\.0\.1:8000 3\+2 kv 26 % hits 50 % \| 10\.0\.0\.2:8000 down$/,
  );
});

test('a gateway that follows KV events shows how well it knows each cache, within 100 columns', () => {
  const indexed: StackView = {
    ...view,
    servers: [
      { ...row, name: '127.0.0.1:65535', known: { state: 'whole', lagMs: 3.4 } },
      { ...row, name: '127.0.0.1:9002', known: { state: 'incomplete', lagMs: 1 } },
      { ...row, name: '127.0.0.1:9003' },
    ],
    index,
    programs: [
      { name: 'kv-relay', isUp: true },
      { name: 'kv-indexer', isUp: false },
    ],
  };
  const lines = stripVTControlCharacters(drawStack(indexed)).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  const text = lines.join('\n');
  expect(text).toMatch(/127\.0\.0\.1:65535 .*│ +whole, 3 ms │/);
  expect(text).toMatch(/127\.0\.0\.1:9002 .*│ +incomplete │/);
  expect(text).toMatch(/127\.0\.0\.1:9003 .*│ +nothing yet │/);
  expect(text).toContain('index        31250 blocks  1 of 2 whole  lag 3 ms  hits 61 %\n');
  expect(text).toContain('beside       kv-relay up  kv-indexer down');
});

test('an index that is not used says why', () => {
  const doubtful = { ...index, isCaughtUp: false, isTrusted: false, unused: 7, lagMs: undefined };
  expect(stripVTControlCharacters(lineOfStack({ ...view, index: doubtful }))).toContain(
    '31250 blocks  1 of 2 whole  hits 61 %  7 requests without it  catching up  not used: tokens differ',
  );
});
