import type { CaseResult, ConformanceReport } from '@llm-d/epp-conformance';
import { expect, test } from 'vitest';
import { drawReport } from './report-view.ts';

const cases: readonly CaseResult[] = [
  { id: 'routing.a', title: 'It routes', level: 'must', result: 'pass', detail: '', durationMs: 1 },
  {
    id: 'routing.b',
    title: 'It clears',
    level: 'should',
    result: 'fail',
    detail: 'it does not:\nnever',
    durationMs: 1,
  },
  {
    id: 'body.c',
    title: 'It splices',
    level: 'upstream-defect',
    result: 'better',
    detail: '',
    durationMs: 1,
  },
  {
    id: 'body.d',
    title: 'It ends',
    level: 'upstream-defect',
    result: 'as-upstream',
    detail: 'silence',
    durationMs: 1,
  },
  {
    id: 'drain.e',
    title: 'It drains',
    level: 'must',
    result: 'skipped',
    detail: 'it is not ours',
    durationMs: 1,
  },
  {
    id: 'drain.f',
    title: 'It exits',
    level: 'must',
    result: 'skipped',
    detail: 'it is not ours',
    durationMs: 1,
  },
];

const report: ConformanceReport = {
  tool: { name: 't', version: '1' },
  subject: '127.0.0.1:9002',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 12_340,
  conforms: true,
  summary: {
    must: { passed: 1, failed: 0, skipped: 2 },
    should: { passed: 0, failed: 1, skipped: 0 },
    'upstream-defect': { passed: 1, failed: 1, skipped: 0 },
  },
  cases,
};

test('a report shows cases by topic, what differs, counts and the verdict', () => {
  expect(drawReport(report, { color: false })).toBe(`routing
  ✓ It routes routing.a
  ✗ It clears routing.b, a should
      it does not:
      never

body
  ★ It splices body.c, better than llm-d
  · It ends body.d, as llm-d
      silence

drain
  – It drains drain.e, skipped
      it is not ours
  – It exits drain.f, skipped
      as above

┌─────────────────┬──────────┬────────────┬─────────┐
│ level           │   passed │     failed │ skipped │
├─────────────────┼──────────┼────────────┼─────────┤
│ must            │        1 │          0 │       2 │
│ should          │        0 │          1 │       0 │
│ upstream-defect │ 1 better │ 1 as llm-d │       0 │
└─────────────────┴──────────┴────────────┴─────────┘

127.0.0.1:9002 conforms (6 cases in 12.3 s)
`);
});
