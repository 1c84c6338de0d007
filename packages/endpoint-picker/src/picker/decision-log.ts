// SPDX-License-Identifier: Apache-2.0
import type {
  PrefixKnowledge,
  PrefixMatches,
  SchedulingOutcome,
  Termination,
  TokenUsage,
} from '@llm-d/scheduler-core';
import type { FlowOutcome } from '../flow-control/flow-outcome.ts';
import type { Refusal } from './refusal.ts';

/** How the answer to a placed request went. */
export interface AnswerRecord {
  readonly termination: Termination;
  readonly status: number | undefined;
  /** From the arrival of the request to the first byte of the answer's body. */
  readonly firstByteMs: number | undefined;
  /** From the arrival of the request to the end. */
  readonly durationMs: number;
  readonly usage: TokenUsage | undefined;
}

/** What flow control did with a request. */
export interface FlowRecord {
  readonly outcome: FlowOutcome;
  /** Band that it counted for. */
  readonly priority: number;
  readonly waitedMs: number;
}

/** What one producer knew of the prompt in the servers' caches. */
export interface PrefixRecord {
  readonly producer: string;
  /** Undefined where it had none to give. */
  readonly matches: PrefixMatches | undefined;
  /** Undefined where it does not say. */
  readonly knowledge: PrefixKnowledge | undefined;
}

/**
 * Everything that explains where one request went. Never holds prompt text. The scheduler's outcome is kept by
 * reference and turned into an explanation only when somebody asks.
 */
export interface DecisionRecord {
  readonly requestId: string;
  /** 1 for the first try, more after a server failed before its answer began. */
  readonly attempt: number;
  /** Number of the configuration that decided. */
  readonly generation: number;
  /** Milliseconds since the Unix epoch. */
  readonly atEpochMs: number;
  /** Clock reading (ms) of the decision, to compare metrics' ages with. */
  readonly atMs: number;
  readonly model: string;
  readonly targetModel: string;
  readonly promptTokens: number | undefined;
  /** Why they were estimated although there is a tokenizer. */
  readonly tokensEstimatedFor?: string | undefined;
  /** In the order of the producers. Absent where none had anything to say. */
  readonly prefixes?: readonly PrefixRecord[] | undefined;
  /** From arrival to decision: parsing, waiting, producers. */
  readonly waitedMs: number;
  /** Undefined where flow control is off, and for further attempts, which do not wait. */
  readonly flow?: FlowRecord | undefined;
  /** Undefined when the request was refused before it reached the scheduler. */
  readonly outcome: SchedulingOutcome | undefined;
  readonly refusal: Refusal | undefined;
  /** Set when the exchange is over. */
  answer: AnswerRecord | undefined;
}

/** The latest decisions, with a bound. */
export interface DecisionLog {
  add(record: DecisionRecord): void;
  /** All attempts of one request, the first one in front; empty where it is unknown or forgotten. */
  find(requestId: string): readonly DecisionRecord[];
  /** The latest `limit` records, newest first. */
  recent(limit: number): readonly DecisionRecord[];
}

/** A log of at most `capacity` records; the oldest makes room. 0 keeps none. */
export function createDecisionLog(capacity: number): DecisionLog {
  const ring: DecisionRecord[] = [];
  let next = 0;
  const newestFirst = function* (): Iterable<DecisionRecord> {
    for (let back = 1; back <= ring.length; back++) {
      const record = ring[(next - back + ring.length) % ring.length];
      if (record !== undefined) yield record;
    }
  };
  return {
    add: (record) => {
      if (capacity === 0) return;
      ring[next] = record;
      next = (next + 1) % capacity;
    },
    // A scan: a person asks now and then, while every request would pay for an index.
    find: (requestId) =>
      [...newestFirst()].filter((record) => record.requestId === requestId).reverse(),
    recent: (limit) => [...newestFirst()].slice(0, limit),
  };
}
