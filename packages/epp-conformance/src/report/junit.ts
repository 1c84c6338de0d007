// SPDX-License-Identifier: Apache-2.0
import { topicOf, topics } from '../cases/conformance-case.ts';
import type { CaseResult, ConformanceReport } from './conformance-report.ts';

/**
 * A report as JUnit's XML, a suite for each topic. Only what is a `must` can be a failure there: tools that read it know
 * no other levels.
 */
export function junitOf({ subject, startedAt, durationMs, cases }: ConformanceReport): string {
  const suites = topics.flatMap((topic) => {
    const members = cases.filter(({ id }) => topicOf({ id: asId(id) }) === topic);
    return members.length === 0 ? [] : [suiteOf(topic, members)];
  });
  const attributes = attributesOf({
    name: `epp-conformance ${subject}`,
    timestamp: startedAt,
    time: seconds(durationMs),
    ...countsOf(cases),
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes}>\n${suites.join('')}</testsuites>\n`;
}

// Reports keep ids as text; they come from cases.
const asId = (id: string) => id as Parameters<typeof topicOf>[0]['id'];

const isFailure = ({ level, result }: CaseResult): boolean => level === 'must' && result === 'fail';

const countsOf = (cases: readonly CaseResult[]) => ({
  tests: String(cases.length),
  failures: String(cases.filter(isFailure).length),
  skipped: String(cases.filter(({ result }) => result === 'skipped').length),
});

function suiteOf(topic: string, cases: readonly CaseResult[]): string {
  const time = seconds(cases.reduce((sum, { durationMs }) => sum + durationMs, 0));
  const attributes = attributesOf({ name: topic, time, ...countsOf(cases) });
  return `  <testsuite${attributes}>\n${cases.map(caseOf).join('')}  </testsuite>\n`;
}

function caseOf(one: CaseResult): string {
  const { id, title, level, result, detail, durationMs } = one;
  const attributes = attributesOf({ name: title, classname: id, time: seconds(durationMs) });
  const message = attributesOf({ message: detail });
  const words = [level, result, detail].filter((word) => word !== '').join(': ');
  const says = result === 'pass' ? '' : `      <system-out>${escaped(words)}</system-out>\n`;
  const verdict = isFailure(one)
    ? `      <failure${message}/>\n`
    : result === 'skipped'
      ? `      <skipped${message}/>\n`
      : says;
  return verdict === ''
    ? `    <testcase${attributes}/>\n`
    : `    <testcase${attributes}>\n${verdict}    </testcase>\n`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const attributesOf = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(value)}"`)
    .join('');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
};

// XML has no way to write most control characters.
const escaped = (text: string): string =>
  text
    // eslint-disable-next-line no-control-regex -- these are the ones that have to go
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '�')
    .replaceAll(/[&<>"\n]/g, (character) => ENTITIES[character] ?? character);
