// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { FAILURE_KINDS } from './target.ts';

/** Version of the report's schema; a change that readers notice gets a new one. */
export const REPORT_SCHEMA = 'llm-d.ai/benchmark-report/v1';

/** A `Statistics` block of llm-d-benchmark's report v0.2. */
const statistics = (units: 's' | 's/token' | 'tokens/s' | 'queries/s' | 'count') =>
  z.strictObject({
    units: z.literal(units),
    mean: z.number(),
    stddev: z.number().min(0).optional(),
    min: z.number().optional(),
    p50: z.number().optional(),
    p90: z.number().optional(),
    p95: z.number().optional(),
    p99: z.number().optional(),
    max: z.number().optional(),
  });

/** `results` of llm-d-benchmark's report v0.2, as far as a load generator can fill it. */
const resultsSchema = z.strictObject({
  request_performance: z.strictObject({
    aggregate: z.strictObject({
      requests: z.strictObject({
        total: z.int().min(0),
        failures: z.int().min(0),
        incomplete: z.int().min(0),
        input_length: statistics('count').optional(),
        output_length: statistics('count').optional(),
      }),
      latency: z.strictObject({
        time_to_first_token: statistics('s').optional(),
        time_per_output_token: statistics('s/token').optional(),
        inter_token_latency: statistics('s/token').optional(),
        request_latency: statistics('s').optional(),
      }),
      throughput: z.strictObject({
        input_token_rate: statistics('tokens/s'),
        output_token_rate: statistics('tokens/s'),
        total_token_rate: statistics('tokens/s'),
        request_rate: statistics('queries/s'),
      }),
    }),
  }),
});

const share = z.number().min(0).max(1);

const tokens = z.number().min(0);

/** Sums over a sample of the requests. */
const prefixCacheSample = z.strictObject({
  requests: z.int().min(1),
  /** What the router believed the server to have cached to which it sent a request. */
  prediction: z
    .strictObject({
      requests: z.int().min(1),
      prompt_tokens: tokens,
      cached_tokens: tokens,
      predicted_tokens: tokens,
      overestimated_tokens: tokens,
      underestimated_tokens: tokens,
    })
    .optional(),
  /** The most that any server had cached just before a request was sent. */
  opportunity: z
    .strictObject({
      requests: z.int().min(1),
      prompt_tokens: tokens,
      cached_tokens: tokens,
      best_tokens: tokens,
      lost_tokens: tokens,
    })
    .optional(),
});

const armSchema = z.strictObject({
  /** What was compared, such as the routing policy. */
  name: z.string().min(1),
  run: z.strictObject({
    time: z.strictObject({ start: z.iso.datetime(), end: z.iso.datetime(), duration: z.string() }),
  }),
  results: resultsSchema,
  failures_by_kind: z.partialRecord(z.enum(FAILURE_KINDS), z.int().min(1)),
  /** 95 % bootstrap interval of the mean time to first token, in seconds. */
  time_to_first_token_mean_ci95: z.strictObject({ low: z.number(), high: z.number() }).optional(),
  prefix_cache: z
    .strictObject({
      cached_tokens: z.number().min(0),
      prompt_tokens: z.number().min(0),
      hit_rate: share,
    })
    .optional(),
  prefix_cache_sample: prefixCacheSample.optional(),
  endpoints: z
    .strictObject({
      request_imbalance: z.number().min(1),
      token_imbalance: z.number().min(1),
      shares: z.array(
        z.strictObject({
          endpoint: z.string(),
          requests: z.int().min(0),
          tokens: z.number().min(0),
        }),
      ),
    })
    .optional(),
  goodput: z
    .strictObject({
      ttft_s: z.number().optional(),
      tpot_s: z.number().optional(),
      requests: z.int().min(0),
      share,
      request_rate: z.number().min(0),
    })
    .optional(),
  /** How much later than intended the client sent, in seconds. */
  client_lag: statistics('s').optional(),
  series: z.strictObject({
    /** Points of the distribution function: seconds, and the share of requests whose first token came by then. */
    ttft_cdf: z.array(z.tuple([z.number(), share])),
    /** Time to first token by the intended second of the run. */
    ttft_over_time: z.array(
      z.strictObject({
        at_s: z.number(),
        requests: z.int().min(1),
        mean: z.number(),
        p95: z.number(),
      }),
    ),
  }),
});

/** Schema of a report; {@link BenchmarkReport} is its type. */
export const benchmarkReportSchema = z.strictObject({
  schema: z.literal(REPORT_SCHEMA),
  title: z.string(),
  workload: z.strictObject({
    name: z.string(),
    seed: z.number(),
    loop: z.enum(['open', 'closed']),
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
  method: z.strictObject({
    /** Latencies count from the instant a request was intended to be sent. */
    measured_from: z.literal('intended-start'),
    warm_up_s: z.number().min(0),
    timeout_s: z.number().min(0),
    max_in_flight: z.int().min(1),
    /** Whatever else a reader has to know, a sentence each. */
    notes: z.array(z.string()),
  }),
  arms: z.array(armSchema).min(1),
});

/** A benchmark's figures: one workload, one or more arms that got the same input one after the other. */
export type BenchmarkReport = z.infer<typeof benchmarkReportSchema>;

/** One arm of a report. `results` is as in llm-d-benchmark's report v0.2. */
export type ReportArm = z.infer<typeof armSchema>;

/** Reads a report from its JSON; throws an error that names every field that is wrong. */
export function parseBenchmarkReport(json: string): BenchmarkReport {
  const parsed = benchmarkReportSchema.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  throw new ReportFormatError(z.prettifyError(parsed.error), { cause: parsed.error });
}

/** JSON that is not a report of this schema. */
export class ReportFormatError extends Error {
  readonly code = 'REPORT_FORMAT';
  constructor(problems: string, options?: ErrorOptions) {
    super(`not a benchmark report: ${problems}`, options);
    this.name = 'ReportFormatError';
  }
}
