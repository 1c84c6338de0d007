// SPDX-License-Identifier: Apache-2.0
import {
  explainDecision,
  type DecisionExplanation,
  type Endpoint,
  type SchedulingOutcome,
} from '@llm-d/scheduler-core';
import type { AnswerRecord, DecisionRecord, FlowRecord } from './decision-log.ts';
import type { Refusal } from './refusal.ts';

/** What the decision knew of one candidate, and how old that was. */
export interface CandidateState {
  readonly endpoint: string;
  /** Age of its metrics at the decision; null where it had never been scraped. */
  readonly metricsAgeMs: number | null;
  readonly waitingRequests: number;
  readonly runningRequests: number;
  readonly kvCacheUsage: number;
  readonly reservedRequests: number;
}

/** One decision in full, as plain data. */
export interface RecordExplanation {
  readonly requestId: string;
  readonly attempt: number;
  /** Number of the configuration that decided. */
  readonly generation: number;
  /** ISO 8601. */
  readonly at: string;
  readonly model: string;
  readonly targetModel: string;
  readonly promptTokens: number | undefined;
  readonly waitedMs: number;
  /** Undefined where flow control is off, and for further attempts, which do not wait. */
  readonly flow?: FlowRecord | undefined;
  readonly refusal: Refusal | undefined;
  readonly answer: AnswerRecord | undefined;
  readonly candidates: readonly CandidateState[];
  readonly decision: DecisionExplanation | undefined;
}

/** One decision in a line. */
export interface RecordSummary {
  readonly requestId: string;
  readonly attempt: number;
  readonly generation: number;
  /** ISO 8601. */
  readonly at: string;
  readonly model: string;
  readonly promptTokens: number | undefined;
  /** Id of the chosen endpoint. */
  readonly endpoint: string | undefined;
  readonly refusal: string | undefined;
  readonly status: number | undefined;
  readonly firstByteMs: number | undefined;
}

/** Explains a record in full. Costs far more than the decision did. */
export function explainRecord(record: DecisionRecord): RecordExplanation {
  const { outcome, atEpochMs, atMs, ...rest } = record;
  return {
    ...rest,
    at: new Date(atEpochMs).toISOString(),
    candidates: outcome === undefined ? [] : candidatesOf(outcome).map((e) => stateOf(e, atMs)),
    decision: outcome && explainDecision(outcome),
  };
}

/** Sums a record up for a list. */
export function summarizeRecord(record: DecisionRecord): RecordSummary {
  const { requestId, attempt, generation, model, promptTokens, outcome, refusal, answer } = record;
  return {
    requestId,
    attempt,
    generation,
    at: new Date(record.atEpochMs).toISOString(),
    model,
    promptTokens,
    endpoint: outcome?.kind === 'scheduled' ? outcome.endpoints[0].id : undefined,
    refusal: refusal?.reason,
    status: answer?.status,
    firstByteMs: answer?.firstByteMs,
  };
}

/** All profiles start from the same candidates. */
function candidatesOf({ outcomes }: SchedulingOutcome): readonly Endpoint[] {
  const [first] = outcomes.values();
  return first?.candidates ?? [];
}

function stateOf({ id, metrics, reservedRequests }: Endpoint, atMs: number): CandidateState {
  return {
    endpoint: id,
    metricsAgeMs: metrics.updatedAtMs === undefined ? null : atMs - metrics.updatedAtMs,
    waitingRequests: metrics.waitingRequests,
    runningRequests: metrics.runningRequests,
    kvCacheUsage: metrics.kvCacheUsage,
    reservedRequests,
  };
}
