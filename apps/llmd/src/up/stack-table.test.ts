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
};
const view: StackView = {
  servers: [row, { ...row, name: '10.0.0.2:8000', up: false, prefixHitRate: undefined }],
  requests: 40,
  errors: 1,
  requestsPerSecond: 3.21,
  ttft: { p50: 0.0123, p90: 1.5, p99: undefined },
  interToken: { p50: undefined, p90: undefined, p99: undefined },
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
