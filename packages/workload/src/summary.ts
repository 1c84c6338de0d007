// SPDX-License-Identifier: Apache-2.0
import {
  bootstrapMeanInterval,
  distributionOf,
  type ConfidenceInterval,
  type Distribution,
} from './distribution.ts';
import { endpointBalance, type EndpointBalance } from './endpoint-balance.ts';
import { goodput, type Goodput, type ServiceLevel } from './goodput.ts';
import { prefixReuse, type PrefixReuse } from './prefix-reuse.ts';
import type { RequestRecord } from './request-record.ts';
import type { RunResult } from './run-workload.ts';
import type { FailureKind } from './target.ts';

/** What a summary should look at. */
export interface SummaryOptions {
  /** Counts the requests that met it. */
  readonly serviceLevel?: ServiceLevel;
  /** Model servers that could have answered, so that idle ones count in the balance. Default: those that did. */
  readonly endpoints?: readonly string[];
}

/** The figures of a run. Latencies are in milliseconds and of requests that went well only. */
export interface RunSummary {
  readonly durationMs: number;
  readonly requests: {
    readonly total: number;
    readonly ok: number;
    readonly failed: number;
    readonly failuresByKind: Readonly<Partial<Record<FailureKind, number>>>;
  };
  /** Requests answered well per second of the run. */
  readonly requestsPerSecond: number;
  /** Tokens of the good answers per second of the run. */
  readonly outputTokensPerSecond: number;
  /** Prompt tokens of the good answers per second of the run. */
  readonly inputTokensPerSecond: number;
  readonly inputTokens?: Distribution;
  readonly outputTokens?: Distribution;
  /** Time to first token, from the intended instant. */
  readonly ttftMs?: Distribution;
  /** 95 % bootstrap interval of the mean time to first token. */
  readonly ttftMeanInterval?: ConfidenceInterval;
  /** Gaps between pieces of an answer, all answers together, also of those that failed later. */
  readonly interTokenMs?: Distribution;
  /** Mean time per output token after the first, by request. */
  readonly tpotMs?: Distribution;
  /** From the intended instant to the end of the answer. */
  readonly e2eMs?: Distribution;
  /** How much later than intended requests were sent: the client's own fault, contained in the latencies. */
  readonly clientLagMs?: Distribution;
  /** Missing when the server does not report cached tokens. */
  readonly prefixReuse?: PrefixReuse;
  /** Missing when answers do not say who gave them. */
  readonly balance?: EndpointBalance;
  /** Missing when no service level was given. */
  readonly goodput?: Goodput;
}

/** Draws the figures of a run together. */
export function summarizeRun(result: RunResult, options: SummaryOptions = {}): RunSummary {
  const { records, durationMs } = result;
  const ok = records.filter(({ failure }) => failure === undefined);
  const perSecond = (total: number): number => (durationMs > 0 ? (total / durationMs) * 1000 : 0);
  const of = (value: (record: RequestRecord) => number | undefined): number[] =>
    ok.map(value).filter((found) => found !== undefined);
  const inputs = of((record) => record.promptTokens ?? record.inputTokens);
  const outputs = of((record) => record.outputTokens);
  const ttfts = of((record) => record.ttftMs);
  const optional = {
    inputTokens: distributionOf(inputs),
    outputTokens: distributionOf(outputs),
    ttftMs: distributionOf(ttfts),
    ttftMeanInterval: bootstrapMeanInterval(ttfts, { seed: result.workload.seed }),
    interTokenMs: result.interTokenLatency.distribution(),
    tpotMs: distributionOf(of((record) => record.tpotMs)),
    e2eMs: distributionOf(of((record) => record.e2eMs)),
    clientLagMs: distributionOf(lags(records)),
    prefixReuse: prefixReuse(ok),
    balance: endpointBalance(ok, options.endpoints),
    goodput: options.serviceLevel && goodput(records, options.serviceLevel, durationMs),
  };
  return {
    durationMs,
    requests: {
      total: records.length,
      ok: ok.length,
      failed: records.length - ok.length,
      failuresByKind: countFailures(records),
    },
    requestsPerSecond: perSecond(ok.length),
    outputTokensPerSecond: perSecond(sum(outputs)),
    inputTokensPerSecond: perSecond(sum(inputs)),
    ...withoutUndefined(optional),
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const lags = (records: readonly RequestRecord[]): number[] =>
  records.flatMap(({ sentAtMs, intendedAtMs }) =>
    sentAtMs === undefined ? [] : [sentAtMs - intendedAtMs],
  );

function countFailures(records: readonly RequestRecord[]): Partial<Record<FailureKind, number>> {
  const counts: Partial<Record<FailureKind, number>> = {};
  for (const { failure } of records) {
    if (failure) counts[failure.kind] = (counts[failure.kind] ?? 0) + 1;
  }
  return counts;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The entries that have a value. */
function withoutUndefined<T extends object>(object: T): Defined<T> {
  // The filter is what makes the type true; TypeScript cannot see through fromEntries.
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
