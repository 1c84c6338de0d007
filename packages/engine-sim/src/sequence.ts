// SPDX-License-Identifier: Apache-2.0
import type { Timer } from '@llm-d/determinism';
import type { OffloadMatch } from './offload/offload-tiers.ts';
import type { EngineRequest, FinishReason, SequenceResult, SequenceSink } from './request.ts';

/** What is settled about a sequence before it starts. */
export interface SequencePlan {
  readonly request: EngineRequest;
  /** Number of the request's adapter in this engine, from 1. */
  readonly loraId: number | null;
  readonly sink: SequenceSink;
  readonly output: Uint32Array;
  /** How the sequence ends once all of `output` is generated. */
  readonly plannedFinish: 'stop' | 'length';
  /** Keys of all whole blocks of prompt and output. Empty without prefix caching. */
  readonly keys: Float64Array;
  /** Blocks that prompt and output fill. */
  readonly maxBlocks: number;
  readonly arrivedMs: number;
}

/** A request inside the engine. A class, so that all have one shape: the step loop lives on their fields. */
export class Sequence {
  readonly plan: SequencePlan;
  readonly promptLength: number;
  readonly outputLength: number;
  readonly keys: Float64Array;
  /** The sink wants to know each token. */
  readonly reportsTokens: boolean;
  /** Blocks held, in order; the first `blockCount` count. */
  readonly blocks: Int32Array;
  /** `waiting` includes sequences that were preempted or have yet to reach the queue; `loading` hold their blocks already. */
  state: 'waiting' | 'loading' | 'running' | 'finished' = 'waiting';
  /** Its sink was told of the end. */
  reported = false;
  blockCount = 0;
  /** Leading blocks whose content is known to the pool. */
  storedBlocks = 0;
  /** Leading tokens whose keys and values are computed, or will be by the step under way. */
  computed = 0;
  generated = 0;
  /** Takes part in the step under way. */
  inStep = false;
  cachedTokens = 0;
  offloadedTokens = 0;
  /** What comes out of offload tiers while it loads, and when it is there. */
  loads: OffloadMatch | undefined = undefined;
  loadedMs = 0;
  preemptions = 0;
  admittedMs: number | undefined = undefined;
  firstTokenMs: number | undefined = undefined;
  /** Set while an extra delay holds the request back from the queue. */
  delay: Timer | undefined = undefined;
  /** Neighbours in the waiting queue. */
  previous: Sequence | undefined = undefined;
  next: Sequence | undefined = undefined;

  constructor(plan: SequencePlan) {
    this.plan = plan;
    this.promptLength = plan.request.promptTokens.length;
    this.outputLength = plan.output.length;
    this.keys = plan.keys;
    this.reportsTokens = plan.sink.onToken !== undefined;
    this.blocks = new Int32Array(plan.maxBlocks);
  }
}

/** What happened to the sequence, as it stands at `finishedMs`. */
export function resultOf(
  sequence: Sequence,
  finishReason: FinishReason,
  finishedMs: number,
): SequenceResult {
  return {
    finishReason,
    promptTokens: sequence.promptLength,
    generatedTokens: sequence.generated,
    cachedTokens: sequence.cachedTokens,
    offloadedTokens: sequence.offloadedTokens,
    preemptions: sequence.preemptions,
    arrivedMs: sequence.plan.arrivedMs,
    admittedMs: sequence.admittedMs,
    firstTokenMs: sequence.firstTokenMs,
    finishedMs,
  };
}

/** First come, first served, with removal from anywhere in constant time. */
export class WaitingQueue {
  head: Sequence | undefined;
  #tail: Sequence | undefined;

  pushBack(sequence: Sequence): void {
    sequence.previous = this.#tail;
    sequence.next = undefined;
    if (this.#tail === undefined) this.head = sequence;
    else this.#tail.next = sequence;
    this.#tail = sequence;
  }

  pushFront(sequence: Sequence): void {
    sequence.previous = undefined;
    sequence.next = this.head;
    if (this.head === undefined) this.#tail = sequence;
    else this.head.previous = sequence;
    this.head = sequence;
  }

  remove(sequence: Sequence): void {
    if (sequence.previous === undefined) this.head = sequence.next;
    else sequence.previous.next = sequence.next;
    if (sequence.next === undefined) this.#tail = sequence.previous;
    else sequence.next.previous = sequence.previous;
    sequence.previous = undefined;
    sequence.next = undefined;
  }
}
