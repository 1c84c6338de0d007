// SPDX-License-Identifier: Apache-2.0
import type { Distribution } from './distribution.ts';
import { prefixAccuracy, type PrefixSample } from './prefix-sample.ts';
import { REPORT_SCHEMA, type BenchmarkReport, type ReportArm } from './report-schema.ts';
import { ttftCdf, ttftOverTime } from './report-series.ts';
import type { RunResult } from './run-workload.ts';
import { summarizeRun, type RunSummary, type SummaryOptions } from './summary.ts';
import type { WorkloadDescription } from './workload.ts';

/** What a report says besides its arms. */
export interface ReportOptions {
  readonly title: string;
  readonly workload: WorkloadDescription;
  /** As given to the runs. */
  readonly method: {
    readonly warmUpMs: number;
    readonly timeoutMs: number;
    readonly maxInFlight: number;
    /** Sentences on what a reader has to know. */
    readonly notes: readonly string[];
  };
}

/** Puts arms together that ran the same workload. There must be at least one. */
export function buildReport(arms: readonly ReportArm[], options: ReportOptions): BenchmarkReport {
  const { title, workload, method } = options;
  return {
    schema: REPORT_SCHEMA,
    title,
    workload: { ...workload, parameters: { ...workload.parameters } },
    method: {
      measured_from: 'intended-start',
      warm_up_s: seconds(method.warmUpMs),
      timeout_s: seconds(method.timeoutMs),
      max_in_flight: method.maxInFlight,
      notes: [...method.notes],
    },
    arms: [...arms],
  };
}

/** What an arm should show. */
export interface ReportArmOptions extends SummaryOptions {
  /** What was found of the prompts of some of the requests. Default nothing was. */
  readonly prefixSamples?: readonly PrefixSample[];
}

/** The figures of one run as an arm of a report. Times are in seconds there. */
export function reportArm(
  name: string,
  result: RunResult,
  options: ReportArmOptions = {},
): ReportArm {
  const summary = summarizeRun(result, options);
  const { startedAtEpochMs, durationMs } = result;
  return {
    name,
    run: {
      time: {
        start: new Date(startedAtEpochMs).toISOString(),
        end: new Date(startedAtEpochMs + durationMs).toISOString(),
        duration: `PT${seconds(durationMs)}S`,
      },
    },
    results: { request_performance: { aggregate: aggregate(summary) } },
    failures_by_kind: { ...summary.requests.failuresByKind },
    ...ownFigures(summary),
    ...sampleFigures(options.prefixSamples ?? []),
    series: {
      ttft_cdf: ttftCdf(result.records),
      ttft_over_time: ttftOverTime(result.records),
    },
  };
}

type Aggregate = ReportArm['results']['request_performance']['aggregate'];

function aggregate(summary: RunSummary): Aggregate {
  const { requests, inputTokens, outputTokens, ttftMs, tpotMs, interTokenMs, e2eMs } = summary;
  const { inputTokensPerSecond, outputTokensPerSecond } = summary;
  const { aborted = 0, timeout = 0, truncated = 0, dropped = 0 } = requests.failuresByKind;
  const incomplete = aborted + timeout + truncated + dropped;
  return {
    requests: {
      total: requests.total,
      failures: requests.failed - incomplete,
      incomplete,
      ...(inputTokens && { input_length: statistics('count', inputTokens, 1) }),
      ...(outputTokens && { output_length: statistics('count', outputTokens, 1) }),
    },
    latency: {
      ...(ttftMs && { time_to_first_token: statistics('s', ttftMs, MS) }),
      ...(tpotMs && { time_per_output_token: statistics('s/token', tpotMs, MS) }),
      ...(interTokenMs && { inter_token_latency: statistics('s/token', interTokenMs, MS) }),
      ...(e2eMs && { request_latency: statistics('s', e2eMs, MS) }),
    },
    throughput: {
      input_token_rate: { units: 'tokens/s', mean: inputTokensPerSecond },
      output_token_rate: { units: 'tokens/s', mean: outputTokensPerSecond },
      total_token_rate: { units: 'tokens/s', mean: inputTokensPerSecond + outputTokensPerSecond },
      request_rate: { units: 'queries/s', mean: summary.requestsPerSecond },
    },
  };
}

function ownFigures(summary: RunSummary): Partial<ReportArm> {
  const { ttftMeanInterval, prefixReuse, balance, clientLagMs } = summary;
  return {
    ...(ttftMeanInterval && {
      time_to_first_token_mean_ci95: {
        low: seconds(ttftMeanInterval.low),
        high: seconds(ttftMeanInterval.high),
      },
    }),
    ...(prefixReuse && {
      prefix_cache: {
        cached_tokens: prefixReuse.cachedTokens,
        prompt_tokens: prefixReuse.promptTokens,
        hit_rate: prefixReuse.hitRate,
      },
    }),
    ...(balance && {
      endpoints: {
        request_imbalance: balance.requestImbalance,
        token_imbalance: balance.tokenImbalance,
        shares: balance.endpoints.map((each) => ({ ...each })),
      },
    }),
    ...(summary.goodput && { goodput: goodputFigures(summary.goodput) }),
    ...(clientLagMs && { client_lag: statistics('s', clientLagMs, MS) }),
  };
}

function sampleFigures(samples: readonly PrefixSample[]): Partial<ReportArm> {
  if (samples.length === 0) return {};
  const { prediction, opportunity } = prefixAccuracy(samples);
  return {
    prefix_cache_sample: {
      requests: samples.length,
      ...(prediction && {
        prediction: {
          requests: prediction.requests,
          prompt_tokens: prediction.promptTokens,
          cached_tokens: prediction.cachedTokens,
          predicted_tokens: prediction.predictedTokens,
          overestimated_tokens: prediction.overestimatedTokens,
          underestimated_tokens: prediction.underestimatedTokens,
        },
      }),
      ...(opportunity && {
        opportunity: {
          requests: opportunity.requests,
          prompt_tokens: opportunity.promptTokens,
          cached_tokens: opportunity.cachedTokens,
          best_tokens: opportunity.bestTokens,
          lost_tokens: opportunity.lostTokens,
        },
      }),
    },
  };
}

function goodputFigures(
  goodput: NonNullable<RunSummary['goodput']>,
): NonNullable<ReportArm['goodput']> {
  const { ttftMs, tpotMs } = goodput.serviceLevel;
  return {
    ...(ttftMs !== undefined && { ttft_s: seconds(ttftMs) }),
    ...(tpotMs !== undefined && { tpot_s: seconds(tpotMs) }),
    requests: goodput.requests,
    share: goodput.share,
    request_rate: goodput.requestsPerSecond,
  };
}

/** Factor from milliseconds to seconds. */
const MS = 1 / 1000;
const seconds = (ms: number): number => ms / 1000;

const statistics = <U extends string>(units: U, distribution: Distribution, factor: number) => ({
  units,
  mean: distribution.mean * factor,
  stddev: distribution.standardDeviation * factor,
  min: distribution.min * factor,
  p50: distribution.p50 * factor,
  p90: distribution.p90 * factor,
  p95: distribution.p95 * factor,
  p99: distribution.p99 * factor,
  max: distribution.max * factor,
});
