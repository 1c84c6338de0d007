// SPDX-License-Identifier: Apache-2.0
import {
  multiRoundQaWorkload,
  parseAzureTrace,
  parseMooncakeTrace,
  prefixGroupsWorkload,
  randomLengthsWorkload,
  sharedPrefixWorkload,
  traceWorkload,
  type TraceRequest,
  type Workload,
} from '@llm-d/workload';
import { BenchError } from './bench-error.ts';

/** The workloads by their names on the command line. */
export const WORKLOAD_NAMES = [
  'mooncake',
  'azure',
  'shared-prefix',
  'prefix-groups',
  'multi-round-qa',
  'random',
] as const;

/** Name of a workload on the command line. */
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

/** Parameters that each workload knows, besides those that all have. */
export const WORKLOAD_PARAMETERS: Readonly<Record<WorkloadName, readonly string[]>> = {
  mooncake: ['max-input-tokens'],
  azure: ['max-input-tokens', 'documents', 'document-tokens', 'zipf-exponent'],
  'shared-prefix': [
    'groups',
    'prompts-per-group',
    'system-tokens',
    'question-tokens',
    'output-tokens',
  ],
  'prefix-groups': [
    'groups',
    'zipf-exponent',
    'system-tokens',
    'turns',
    'question-tokens',
    'output-tokens',
    'pause-ms',
  ],
  'multi-round-qa': [
    'users',
    'rounds',
    'system-tokens',
    'history-tokens',
    'question-tokens',
    'answer-tokens',
    'jitter',
    'session-stacking',
  ],
  random: ['input-tokens', 'input-deviation', 'output-tokens', 'output-deviation'],
};

/** Which workload to make, and how. */
export interface WorkloadSpec {
  readonly name: WorkloadName;
  readonly seed: number;
  /** Text and name of the trace's file; only traces need it. */
  readonly trace?: { readonly file: string; readonly text: string };
  /** Start of the slice of a trace, on the trace's time. */
  readonly fromMs: number;
  /** Length of the slice of a trace, on the trace's time; or of a synthetic run. */
  readonly durationMs: number;
  /** How many times faster than recorded a trace is replayed. */
  readonly speed: number;
  /** Requests per second of a synthetic workload. */
  readonly ratePerSecond: number;
  /** Of {@link WORKLOAD_PARAMETERS}. */
  readonly parameters: Readonly<Record<string, number>>;
}

/** A workload and what to say about it. */
export interface BenchWorkload {
  readonly workload: Workload;
  /** When its last request is intended at the latest. */
  readonly expectedMs: number;
  /** For the report's notes. */
  readonly notes: readonly string[];
}

/** Makes the workload; throws for a parameter that it does not know. */
export function createBenchWorkload(spec: WorkloadSpec): BenchWorkload {
  for (const name of Object.keys(spec.parameters)) {
    const known = WORKLOAD_PARAMETERS[spec.name];
    if (known.includes(name)) continue;
    throw new BenchError(
      'BAD_OPTION',
      `${spec.name} has no parameter "${name}"; it has ${known.join(', ')}`,
    );
  }
  switch (spec.name) {
    case 'mooncake':
    case 'azure':
      return replayTrace(spec);
    case 'shared-prefix':
    case 'prefix-groups':
    case 'multi-round-qa':
    case 'random':
      return { workload: synthetic(spec.name, spec), expectedMs: spec.durationMs, notes: [] };
  }
}

function synthetic(
  name: Exclude<WorkloadName, 'mooncake' | 'azure'>,
  spec: WorkloadSpec,
): Workload {
  const { seed, durationMs, ratePerSecond, parameters } = spec;
  const common = { seed, durationMs, ratePerSecond };
  if (name === 'shared-prefix') {
    return sharedPrefixWorkload({ ...common, ...camelCased(parameters) });
  }
  if (name === 'prefix-groups') {
    return prefixGroupsWorkload({ ...common, ...camelCased(parameters) });
  }
  if (name === 'multi-round-qa') {
    const { 'session-stacking': stacking, ...rest } = parameters;
    return multiRoundQaWorkload({
      ...common,
      ...camelCased(rest),
      ...(stacking !== undefined && { sessionStacking: stacking !== 0 }),
    });
  }
  return randomLengthsWorkload({
    ...common,
    input: {
      mean: parameters['input-tokens'] ?? 4096,
      standardDeviation: parameters['input-deviation'] ?? 0,
    },
    output: {
      mean: parameters['output-tokens'] ?? 256,
      standardDeviation: parameters['output-deviation'] ?? 0,
    },
  });
}

const camelCased = (parameters: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

function replayTrace(spec: WorkloadSpec): BenchWorkload {
  const { name, seed, trace, fromMs, durationMs, speed, parameters } = spec;
  if (trace === undefined) throw new BenchError('BAD_OPTION', `${name} needs a trace file`);
  const parse = name === 'mooncake' ? parseMooncakeTrace : parseAzureTrace;
  const { kept, notes } = withinLength(
    parse(trace.text, { file: trace.file }),
    parameters['max-input-tokens'],
  );
  const documents = parameters['documents'];
  const workload = traceWorkload(kept, {
    name,
    seed,
    fromMs,
    durationMs,
    speed,
    ...(documents !== undefined && {
      prefixModel: {
        documents,
        documentTokens: parameters['document-tokens'] ?? 512,
        exponent: parameters['zipf-exponent'] ?? 1,
      },
    }),
  });
  if (workload.start().nextAtMs() === undefined) {
    const asked = `from ${fromMs / 1000} s for ${durationMs / 1000} s`;
    throw new BenchError('BAD_OPTION', `${trace.file} has no request ${asked}`);
  }
  const slice = `${name} trace from ${fromMs / 1000} s for ${durationMs / 1000} s at ${speed} times its speed`;
  return {
    workload,
    expectedMs: durationMs / speed,
    notes: [`Input: ${slice}; lengths and arrivals as recorded, texts made up.`, ...notes],
  };
}

/** Requests that a model's window can hold; what is left out is said. */
function withinLength(
  trace: readonly TraceRequest[],
  maxInputTokens: number | undefined,
): { readonly kept: readonly TraceRequest[]; readonly notes: readonly string[] } {
  if (maxInputTokens === undefined) return { kept: trace, notes: [] };
  const kept = trace.filter(({ inputTokens }) => inputTokens <= maxInputTokens);
  const share = ((1 - kept.length / trace.length) * 100).toFixed(1);
  return {
    kept,
    notes: [
      `Requests with prompts of more than ${maxInputTokens} tokens are left out: ${share} % of the whole trace.`,
    ],
  };
}
