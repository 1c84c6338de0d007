import { expect, test } from 'vitest';
import {
  conformsWith,
  summaryOf,
  type CaseResult,
  type ConformanceReport,
} from './conformance-report.ts';
import { junitOf } from './junit.ts';

const result = (id: string, more: Partial<CaseResult> = {}): CaseResult => ({
  id,
  title: `Title of ${id}`,
  level: 'must',
  result: 'pass',
  detail: '',
  durationMs: 1500,
  ...more,
});

const reportOf = (...cases: readonly CaseResult[]): ConformanceReport => {
  const summary = summaryOf(cases);
  return {
    tool: { name: 'epp-conformance', version: '1' },
    subject: 'epp --port "1" & more',
    startedAt: '2026-01-01T00:00:00.000Z',
    durationMs: 3000,
    conforms: conformsWith(summary),
    summary,
    cases,
  };
};

test('results are counted by level', () => {
  const { summary } = reportOf(
    result('routing.a'),
    result('routing.b', { result: 'fail' }),
    result('routing.c', { result: 'skipped' }),
    result('routing.d', { level: 'should', result: 'fail' }),
    result('routing.e', { level: 'upstream-defect', result: 'better' }),
    result('routing.f', { level: 'upstream-defect', result: 'as-upstream' }),
  );
  expect(summary).toEqual({
    must: { passed: 1, failed: 1, skipped: 1 },
    should: { passed: 0, failed: 1, skipped: 0 },
    'upstream-defect': { passed: 1, failed: 1, skipped: 0 },
  });
});

test.each([
  [
    'whose musts all pass',
    [result('routing.a'), result('routing.b', { level: 'should', result: 'fail' })],
    true,
  ],
  ['of which a must fails', [result('routing.a'), result('routing.b', { result: 'fail' })], false],
  ['of which no must was judged', [result('routing.a', { result: 'skipped' })], false],
])('an endpoint picker %s: conforms %s', (_, cases, conforms) => {
  expect(reportOf(...cases).conforms).toBe(conforms);
});

test('JUnit gets a suite for each topic, and failures only of what is a must', () => {
  const xml = junitOf(
    reportOf(
      result('routing.a'),
      result('routing.b', { result: 'fail', detail: 'expected <1>,\ngot \u0000"2"' }),
      result('health.c', { level: 'should', result: 'fail', detail: 'x' }),
      result('health.d', { result: 'skipped', detail: 'no port' }),
    ),
  );
  expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="epp-conformance epp --port &quot;1&quot; &amp; more" timestamp="2026-01-01T00:00:00.000Z" time="3.000" tests="4" failures="1" skipped="1">
  <testsuite name="routing" time="3.000" tests="2" failures="1" skipped="0">
    <testcase name="Title of routing.a" classname="routing.a" time="1.500"/>
    <testcase name="Title of routing.b" classname="routing.b" time="1.500">
      <failure message="expected &lt;1&gt;,&#10;got �&quot;2&quot;"/>
    </testcase>
  </testsuite>
  <testsuite name="health" time="3.000" tests="2" failures="0" skipped="1">
    <testcase name="Title of health.c" classname="health.c" time="1.500">
      <system-out>should: fail: x</system-out>
    </testcase>
    <testcase name="Title of health.d" classname="health.d" time="1.500">
      <skipped message="no port"/>
    </testcase>
  </testsuite>
</testsuites>
`);
});
