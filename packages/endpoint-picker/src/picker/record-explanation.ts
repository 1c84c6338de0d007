// SPDX-License-Identifier: Apache-2.0
import {
  explainDecision,
  type DecisionExplanation,
  type Endpoint,
  type PrefixFreshness,
  type PrefixKnowledge,
  type SchedulingOutcome,
  type TierBlocks,
} from '@llm-d/scheduler-core';
import type { AnswerRecord, DecisionRecord, FlowRecord, PrefixRecord } from './decision-log.ts';
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

/** What one candidate had of the prompt, as a producer knew it. */
export interface CandidatePrefix {
  readonly endpoint: string;
  /** As it counts for scores. */
  readonly matchedBlocks: number;
  /** Without the weights of different kinds of memory. */
  readonly cachedBlocks: number;
  /** Absent where the producer knows of one kind only. */
  readonly byTier?: readonly TierBlocks[];
}

/** What one producer of prefix matches knew. */
export interface PrefixExplanation {
  readonly producer: string;
  /** On what grounds; absent where the producer does not say. */
  readonly basis?: PrefixKnowledge['basis'];
  /** Why it had nothing to give, or why that may be wrong. */
  readonly note?: string;
  /** How well its index knew the engines' caches. Absent where there is no index. */
  readonly freshness?: PrefixFreshness;
  /** Of the prompt. Absent, like what follows, where there were no matches. */
  readonly totalBlocks?: number;
  readonly blockSizeTokens?: number;
  /** Candidates that had something, the longest prefix first. */
  readonly endpoints?: readonly CandidatePrefix[];
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
  /** Why they were estimated although there is a tokenizer. */
  readonly tokensEstimatedFor?: string | undefined;
  readonly waitedMs: number;
  /** Undefined where flow control is off, and for further attempts, which do not wait. */
  readonly flow?: FlowRecord | undefined;
  readonly refusal: Refusal | undefined;
  readonly answer: AnswerRecord | undefined;
  readonly candidates: readonly CandidateState[];
  /** Absent where no producer had anything to say. */
  readonly prefixes?: readonly PrefixExplanation[];
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
  const { outcome, atEpochMs, atMs, prefixes, ...rest } = record;
  const candidates = outcome === undefined ? [] : candidatesOf(outcome);
  return {
    ...rest,
    at: new Date(atEpochMs).toISOString(),
    candidates: candidates.map((endpoint) => stateOf(endpoint, atMs)),
    ...(prefixes !== undefined && {
      prefixes: prefixes.map((prefix) => explainPrefix(prefix, candidates)),
    }),
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

function explainPrefix(
  { producer, matches, knowledge }: PrefixRecord,
  candidates: readonly Endpoint[],
): PrefixExplanation {
  if (matches === undefined) return { producer, ...knowledge };
  const endpoints = candidates.map((endpoint): CandidatePrefix => {
    const matchedBlocks = matches.matchedBlocks(endpoint);
    return {
      endpoint: endpoint.id,
      matchedBlocks,
      cachedBlocks: matches.cachedBlocks?.(endpoint) ?? matchedBlocks,
      ...(matches.cachedBlocksByTier && { byTier: matches.cachedBlocksByTier(endpoint) }),
    };
  });
  return {
    producer,
    ...knowledge,
    totalBlocks: matches.totalBlocks,
    blockSizeTokens: matches.blockSizeTokens,
    endpoints: endpoints
      .filter(({ cachedBlocks }) => cachedBlocks > 0)
      .sort((a, b) => b.matchedBlocks - a.matchedBlocks),
  };
}
