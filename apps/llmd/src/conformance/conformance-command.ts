// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { judge, junitOf, selectCases, type ConformanceCase } from '@llm-d/epp-conformance';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Output } from '../up/screen.ts';
import { NotConformingError } from './conformance-error.ts';
import { subjectOf, type SubjectFlags } from './conformance-subject.ts';
import { drawCases, drawReport } from './report-view.ts';

export interface ConformanceDeps {
  readonly version: string;
  readonly clock: Clock;
  readonly output: Output;
  /** The terminal to show progress on, when there is one. */
  readonly terminal: NodeJS.WritableStream | undefined;
  readonly color: boolean;
  /** Aborts when the person wants to end. */
  readonly signal: AbortSignal;
  readonly writeFile: (path: string, text: string) => Promise<void>;
}

interface ConformanceFlags extends SubjectFlags {
  readonly list?: boolean;
  readonly filter: readonly string[];
  readonly wait: number;
  readonly report?: string;
  readonly junit?: string;
}

/** Adds `conformance`. */
export function registerConformanceCommand(program: Command, deps: ConformanceDeps): void {
  program
    .command('conformance')
    .description(
      'judge any endpoint picker that speaks ext_proc: one that runs, or one to be started',
    )
    .option(
      '--command <line>',
      'the endpoint picker to start: {GRPC}, {HEALTH}, {METRICS} become ports, {CONFIG} and {ENDPOINTS} files',
    )
    .option('--address <host:port>', 'the endpoint picker that runs')
    .addOption(
      new Option('--transport <kind>', 'of ext_proc; auto tries TLS first')
        .choices(['auto', 'tls', 'plaintext'])
        .default('auto'),
    )
    .option('--health <host:port>', 'where one that runs serves gRPC health')
    .option('--metrics <url>', 'where one that runs serves metrics: host:port or a URL')
    .addOption(
      new Option(
        '--discovery <kind>',
        'how one that runs learns of endpoints: from a file, or not at all',
      )
        .choices(['file', 'none'])
        .default('file'),
    )
    .option('--endpoints-file <path>', 'the file that one that runs watches; it is overwritten')
    .option(
      '--endpoints <list>',
      'with --discovery none: endpoints as host:port, separated by commas',
    )
    .option(
      '--filter <pattern...>',
      'only cases with these ids, topics or patterns such as body.*',
      [],
    )
    .option('--wait <seconds>', 'longest wait for anything that should come', secondsOf, 5)
    .option('--report <file>', 'write the results as JSON')
    .option('--junit <file>', 'write the results as JUnit XML')
    .option('--list', 'list the cases and end')
    .action((flags: ConformanceFlags) => run(flags, deps));
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 600))
    throw new InvalidArgumentError('Expected seconds, at most 600.');
  return seconds;
}

async function run(flags: ConformanceFlags, deps: ConformanceDeps): Promise<void> {
  const cases = selectCases(flags.filter);
  if (flags.list === true) {
    deps.output.write(drawCases(cases, deps));
    return;
  }
  const { version, clock, signal, output, writeFile } = deps;
  const progress = progressOn(deps.terminal);
  const report = await judge(subjectOf(flags, deps), {
    clock,
    signal,
    cases,
    waitMs: flags.wait * 1000,
    tool: { name: 'llmd conformance', version },
    onCase: progress.show,
  }).finally(progress.clear);
  output.write(drawReport(report, deps));
  if (flags.report !== undefined) {
    await writeFile(flags.report, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (flags.junit !== undefined) await writeFile(flags.junit, junitOf(report));
  if (!report.conforms) throw new NotConformingError(report.summary.must.failed);
}

interface Progress {
  readonly show: (one: ConformanceCase, number: number, total: number) => void;
  readonly clear: () => void;
}

const ERASE_LINE = '\r\u001b[2K';

/** One line that is written over and over. */
const progressOn = (terminal: NodeJS.WritableStream | undefined): Progress => ({
  show: ({ id }, number, total) => {
    terminal?.write(`${ERASE_LINE}${number}/${total} ${id}`);
  },
  clear: () => {
    terminal?.write(ERASE_LINE);
  },
});
