// SPDX-License-Identifier: Apache-2.0
import { renderHtmlReport, type BenchmarkReport, type ServiceLevel } from '@llm-d/workload';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { BenchError } from './bench-error.ts';
import {
  createBenchWorkload,
  WORKLOAD_NAMES,
  WORKLOAD_PARAMETERS,
  type BenchWorkload,
  type WorkloadName,
} from './bench-workload.ts';
import {
  addParameter,
  parseDurationMs,
  parseNames,
  parsePositive,
  parseServiceLevel,
  parseWhole,
} from './option-values.ts';
import { drawReport, subjectOf } from './report-view.ts';
import { runArms, type BenchArm, type RunArmsDeps, type RunningArm } from './run-arms.ts';

/** What the command needs of the world. */
export interface BenchDeps extends RunArmsDeps {
  /** Whether to write in colours. */
  readonly color: boolean;
  readFile(path: string): Promise<string>;
  writeFile(path: string, text: string): Promise<void>;
  /** Path of the trace that a workload replays unless `--trace` names another. */
  traceFile(workload: 'mooncake' | 'azure'): string;
  /** Starts a fresh system with this routing policy for `--compare`; without it there is no such option. */
  startArm?(policy: string): Promise<RunningArm>;
}

/** The command's options as parsed. */
export interface BenchOptions {
  readonly url: string;
  readonly compare?: readonly string[];
  readonly workload: WorkloadName;
  readonly trace?: string;
  readonly from: number;
  readonly duration: number;
  readonly speed: number;
  readonly rate: number;
  readonly param?: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly model?: string;
  readonly api: 'chat' | 'completions';
  readonly maxInFlight: number;
  readonly timeout: number;
  readonly warmUp: number;
  /** Absent where nothing can be compared. */
  readonly sampleEvery?: number;
  readonly slo?: ServiceLevel;
  readonly report?: string;
  readonly html?: string;
}

/** Adds `bench` to the program. */
export function registerBenchCommand(program: Command, deps: BenchDeps): void {
  const command = program
    .command('bench')
    .description('put a load on an OpenAI-compatible server and report what its users would see')
    .option('--url <url>', 'base URL of the server', 'http://127.0.0.1:8000')
    .addOption(
      new Option('--workload <name>', 'what to send').choices(WORKLOAD_NAMES).default('mooncake'),
    )
    .option('--trace <file>', 'trace to replay; default: the slice that comes with llm-d')
    .addOption(duration('--from <time>', 'start of the slice, on the trace’s time', '0s'))
    .addOption(
      duration(
        '--duration <time>',
        'length of the slice on the trace’s time, or of the run',
        '60s',
      ),
    )
    .option(
      '--speed <factor>',
      'times faster than recorded to replay a trace',
      argument(parsePositive),
      1,
    )
    .option(
      '--rate <per second>',
      'requests per second of a synthetic workload',
      argument(parsePositive),
      5,
    )
    .option(
      '--param <name=number>',
      'parameter of the workload; repeatable, see below',
      argument(addParameter),
    )
    .option('--seed <number>', 'seed of texts, lengths and arrivals', argument(parseWhole), 1)
    .option('--model <name>', 'model to ask; default: the first that the server lists')
    .addOption(
      new Option('--api <name>', 'API to use').choices(['chat', 'completions']).default('chat'),
    )
    .option(
      '--max-in-flight <number>',
      'drop what is due beyond so many',
      argument(parseWhole),
      4096,
    )
    .addOption(duration('--timeout <time>', 'longest time for one answer', '10m'))
    .addOption(duration('--warm-up <time>', 'send, but do not measure, for so long', '0s'))
    .option(
      '--slo <bounds>',
      'count requests within, such as ttft=2s,tpot=50ms',
      argument(parseServiceLevel),
    )
    .option('--report <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as a web page')
    .addHelpText('after', parameterHelp)
    .action(async (options: BenchOptions) => {
      await runBench(options, deps);
    });
  if (deps.startArm) {
    command
      .option(
        '--compare <policies>',
        'instead of --url, start a fresh system for each of these and compare them: default, approximate, precise, random, round-robin, or files with an EndpointPickerConfig',
        argument(parseNames),
      )
      .option(
        '--sample-every <n>',
        'with --compare, follow one of n requests to see what was cached where; 0 for none',
        argument(parseWhole),
        8,
      );
  }
}

/** Makes commander blame the option for what its parser refuses. */
const argument =
  <T>(parse: (text: string, before?: T) => T) =>
  (text: string, before?: T): T => {
    try {
      return parse(text, before);
    } catch (error) {
      if (error instanceof BenchError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };

const duration = (flags: string, description: string, byDefault: string): Option =>
  new Option(flags, description)
    .argParser(argument(parseDurationMs))
    .default(parseDurationMs(byDefault), byDefault);

const parameterHelp = (): string =>
  [
    '',
    'Parameters of the workloads:',
    ...Object.entries(WORKLOAD_PARAMETERS).map(([name, known]) => `  ${name}: ${known.join(', ')}`),
  ].join('\n');

/** Runs the benchmark, prints the table, writes the reports asked for, and returns what they say. */
export async function runBench(options: BenchOptions, deps: BenchDeps): Promise<BenchmarkReport> {
  const { api, model, timeout, maxInFlight, warmUp, slo, sampleEvery = 0 } = options;
  const report = await runArms(
    armsOf(options, deps),
    {
      title: `${options.workload} on ${options.compare?.join(', ') ?? options.url}`,
      input: await loadWorkload(options, deps),
      api,
      timeoutMs: timeout,
      maxInFlight,
      warmUpMs: warmUp,
      sampleEvery,
      ...(model !== undefined && { model }),
      ...(slo && { serviceLevel: slo }),
    },
    deps,
  );
  deps.output.write(`\n${drawReport(report, { color: deps.color })}`);
  await writeReports(report, { options, deps });
  return report;
}

function armsOf(options: BenchOptions, deps: BenchDeps): readonly BenchArm[] {
  const { url, compare } = options;
  if (compare === undefined) {
    return [{ name: url, start: () => Promise.resolve({ url, stop: () => Promise.resolve() }) }];
  }
  return compare.map((name) => ({
    name,
    start: () => {
      if (deps.startArm) return deps.startArm(name);
      throw new BenchError(
        'BAD_OPTION',
        'there is nothing here that could start a system to compare',
      );
    },
  }));
}

async function loadWorkload(options: BenchOptions, deps: BenchDeps): Promise<BenchWorkload> {
  const { workload: name, seed, from, duration: durationMs, speed, rate, param = {} } = options;
  const spec = {
    name,
    seed,
    fromMs: from,
    durationMs,
    speed,
    ratePerSecond: rate,
    parameters: param,
  };
  if (name !== 'mooncake' && name !== 'azure') return createBenchWorkload(spec);
  const file = options.trace ?? deps.traceFile(name);
  return createBenchWorkload({ ...spec, trace: { file, text: await deps.readFile(file) } });
}

async function writeReports(
  report: BenchmarkReport,
  { options, deps }: { readonly options: BenchOptions; readonly deps: BenchDeps },
): Promise<void> {
  if (options.report !== undefined) {
    await deps.writeFile(options.report, `${JSON.stringify(report, null, 2)}\n`);
    deps.output.write(`Report: ${options.report}\n`);
  }
  if (options.html !== undefined) {
    await deps.writeFile(
      options.html,
      await renderHtmlReport(report, { subject: subjectOf(report) }),
    );
    deps.output.write(`Page: ${options.html}\n`);
  }
}
