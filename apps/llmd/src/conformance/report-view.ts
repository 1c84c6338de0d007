// SPDX-License-Identifier: Apache-2.0
import {
  topicOf,
  topics,
  type CaseOutcome,
  type CaseResult,
  type ConformanceCase,
  type ConformanceReport,
} from '@llm-d/epp-conformance';
import { createColors } from 'picocolors';
import { drawTable, rounded } from '../table.ts';

interface ViewOptions {
  readonly color: boolean;
}

const LEVELS = ['must', 'should', 'upstream-defect'] as const;

/** A report for a terminal: every case under its topic, what differs below it, then the counts and the verdict. */
export function drawReport(report: ConformanceReport, options: ViewOptions): string {
  const colors = createColors(options.color);
  const first = new Map(report.cases.toReversed().map((one) => [one.detail, one]));
  const groups = topics.flatMap((topic) => {
    const cases = report.cases.filter((one) => topicOf(asCase(one)) === topic);
    if (cases.length === 0) return [];
    return [
      `${colors.bold(topic)}\n${cases
        .map((one) => drawResult(one, { ...options, isTold: first.get(one.detail) !== one }))
        .join('')}`,
    ];
  });
  const seconds = rounded(report.durationMs / 1000, 1);
  const verdict = report.conforms ? colors.green('conforms') : colors.red('does not conform');
  return [
    ...groups,
    drawCounts(report, options),
    `${report.subject} ${verdict} (${report.cases.length} cases in ${seconds} s)\n`,
  ].join('\n');
}

// Results carry the ids of cases as text.
const asCase = ({ id }: Pick<CaseResult, 'id'>) => ({ id }) as Pick<ConformanceCase, 'id'>;

const MARKS: Readonly<Record<CaseOutcome, string>> = {
  pass: '✓',
  fail: '✗',
  better: '★',
  'as-upstream': '·',
  skipped: '–',
};

function drawResult(
  one: CaseResult,
  {
    color,
    isTold,
  }: ViewOptions & { /** The detail stands above already. */ readonly isTold: boolean },
): string {
  const { id, title, level, result, detail } = one;
  const colors = createColors(color);
  const paint = {
    pass: colors.green,
    fail: level === 'must' ? colors.red : colors.yellow,
    better: colors.cyan,
    'as-upstream': colors.dim,
    skipped: colors.dim,
  }[result];
  const head = `  ${paint(MARKS[result])} ${title} ${colors.dim(`${id}${WORDS[result](level)}`)}\n`;
  const lines = detail === '' ? [] : isTold ? ['as above'] : detail.split('\n');
  return head + lines.map((line) => `      ${paint(line)}\n`).join('');
}

const WORDS: Readonly<Record<CaseOutcome, (level: string) => string>> = {
  pass: () => '',
  fail: (level) => `, a ${level}`,
  better: () => ', better than llm-d',
  'as-upstream': () => ', as llm-d',
  skipped: () => ', skipped',
};

function drawCounts({ summary }: ConformanceReport, options: ViewOptions): string {
  const columns = [
    { title: 'level' },
    { title: 'passed', align: 'right' },
    { title: 'failed', align: 'right' },
    { title: 'skipped', align: 'right' },
  ] as const;
  const rows = LEVELS.map((level) => {
    const { passed, failed, skipped } = summary[level];
    const words =
      level === 'upstream-defect'
        ? [`${passed} better`, `${failed} as llm-d`]
        : [`${passed}`, `${failed}`];
    return [level, ...words, String(skipped)];
  });
  return drawTable(columns, rows, options);
}

/** The cases that there are. */
export function drawCases(cases: readonly ConformanceCase[], { color }: ViewOptions): string {
  const colors = createColors(color);
  const width = Math.max(...cases.map(({ id }) => id.length));
  const lines = cases.map(
    ({ id, level, title, setup = 'default' }) =>
      `${id.padEnd(width)}  ${level.padEnd('upstream-defect'.length)}  ${colors.dim(setup.padEnd('one-address'.length))}  ${title}\n`,
  );
  return lines.join('');
}
