// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  buildReport,
  createHttpTarget,
  reportArm,
  runWorkload,
  type BenchmarkReport,
  type OpenAiApi,
  type PrefixSample,
  type ReportArm,
  type RunResult,
  type ServiceLevel,
} from '@llm-d/workload';
import { BenchError } from './bench-error.ts';
import type { BenchWorkload } from './bench-workload.ts';
import { createPrefixProbe, MOST_AT_A_TIME, type PrefixProbe } from './prefix-probe.ts';
import { failureLines } from './report-view.ts';
import { showProgress, type BenchOutput } from './run-progress.ts';
import { servedModel } from './served-model.ts';
import { warmClient } from './warm-client.ts';

/** A system under test that is up. */
export interface RunningArm {
  /** Base URL of its OpenAI-compatible API. */
  readonly url: string;
  /** Its model servers as they name themselves, so that idle ones count in the balance. */
  readonly endpoints?: readonly string[];
  /**
   * Its simulated engines, which can be asked what they have cached; its own URL is a gateway that explains its decisions.
   * Default neither is known.
   */
  readonly engineUrls?: readonly string[];
  /** Takes it down; called once. */
  stop(): Promise<void>;
}

/** One side of a comparison. */
export interface BenchArm {
  /** Name in the report, such as the routing policy. */
  readonly name: string;
  /** Brings a fresh system up, so that no arm finds the caches of another. */
  start(): Promise<RunningArm>;
}

/** What every arm is put through. */
export interface BenchPlan {
  readonly title: string;
  readonly input: BenchWorkload;
  readonly api: OpenAiApi;
  /** Default: the first model that the server lists. */
  readonly model?: string;
  readonly timeoutMs: number;
  readonly maxInFlight: number;
  readonly warmUpMs: number;
  /** Of every so many requests one is followed to see what was cached where, if engines can be asked; 0 for none. */
  readonly sampleEvery: number;
  readonly serviceLevel?: ServiceLevel;
}

/** What running arms needs of the world. */
export interface RunArmsDeps {
  readonly clock: Clock;
  readonly output: BenchOutput;
  /** Ends the run under way; arms that ran to their end before it are reported. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the arms one after the other on the same input and reports on those that ran to their end.
 * An arm that answered nothing well is reported as such; throws {@link BenchError} when that is all there is.
 */
export async function runArms(
  arms: readonly BenchArm[],
  plan: BenchPlan,
  deps: RunArmsDeps,
): Promise<BenchmarkReport> {
  const done: ReportArm[] = [];
  await warmClient(deps);
  for (const arm of arms) {
    if (isAborted(deps)) break;
    const reported = await runArm(arm, plan, deps);
    if (isAborted(deps)) break;
    done.push(reported);
  }
  assertAnswered(done);
  return buildReport(done, {
    title: plan.title,
    workload: plan.input.workload.description,
    method: { ...plan, notes: methodNotes(arms, plan) },
  });
}

/** In a function of its own, because the signal changes under the compiler's eyes. */
const isAborted = ({ signal }: RunArmsDeps): boolean => signal?.aborted === true;

async function runArm(arm: BenchArm, plan: BenchPlan, deps: RunArmsDeps): Promise<ReportArm> {
  const { output } = deps;
  const running = await arm.start();
  try {
    const { result, prefixSamples } = await measure(arm.name, running, { plan, deps });
    for (const line of failureLines(result)) output.write(`${arm.name}: ${line}\n`);
    const { serviceLevel } = plan;
    const { endpoints } = running;
    return reportArm(arm.name, result, {
      ...(serviceLevel && { serviceLevel }),
      ...(endpoints && { endpoints }),
      prefixSamples,
    });
  } finally {
    await running.stop();
  }
}

interface Measured {
  readonly result: RunResult;
  readonly prefixSamples: readonly PrefixSample[];
}

async function measure(
  name: string,
  running: RunningArm,
  { plan, deps }: { readonly plan: BenchPlan; readonly deps: RunArmsDeps },
): Promise<Measured> {
  const { clock, output, signal } = deps;
  const { api, input, timeoutMs, maxInFlight, warmUpMs } = plan;
  const model = plan.model ?? (await servedModel(running.url, signal));
  const probe = await probeOf(running, plan, model);
  await using target = createHttpTarget({
    url: running.url,
    model,
    api,
    ...(probe && { requestHeaders: probe.headers }),
  });
  const run = runWorkload(input.workload, probe?.observe(target) ?? target, {
    clock,
    timeoutMs,
    maxInFlight,
    warmUpMs,
    ...(signal && { signal }),
  });
  await showProgress(run, { arm: name, expectedMs: input.expectedMs, clock, output });
  return { result: await run.result, prefixSamples: (await probe?.samples()) ?? [] };
}

async function probeOf(
  { url, engineUrls = [] }: RunningArm,
  { api, warmUpMs, sampleEvery }: BenchPlan,
  model: string,
): Promise<PrefixProbe | undefined> {
  if (engineUrls.length === 0 || sampleEvery === 0) return undefined;
  return createPrefixProbe({
    gatewayUrl: url,
    engineUrls,
    api,
    model,
    warmUpMs,
    every: sampleEvery,
  });
}

function assertAnswered(arms: readonly ReportArm[]): void {
  if (arms.length === 0) throw new BenchError('NOTHING_ANSWERED', 'no arm ran to its end');
  const answered = arms.some(({ results }) => {
    const { total, failures, incomplete } = results.request_performance.aggregate.requests;
    return total > failures + incomplete;
  });
  if (answered) return;
  throw new BenchError('NOTHING_ANSWERED', 'no request was answered well');
}

function methodNotes(arms: readonly BenchArm[], plan: BenchPlan): readonly string[] {
  const api = plan.api === 'chat' ? 'chat completions' : 'completions';
  return [
    ...plan.input.notes,
    `Requests are streamed ${api} over HTTP with as many connections as requests in flight.`,
    ...(arms.length > 1
      ? [
          'The arms ran one after the other on the same input, each on a system started for it; the client was warmed up on a server of its own before the first.',
        ]
      : []),
    ...(arms.length > 1 && plan.sampleEvery > 0
      ? [
          `Of every ${plan.sampleEvery} requests one was followed: simulated engines were asked what they had of its prompt just before it was sent, which delayed it by that answer, and the gateway afterwards what it had believed. Never more than ${MOST_AT_A_TIME} at a time.`,
        ]
      : []),
  ];
}
