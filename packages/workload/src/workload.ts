// SPDX-License-Identifier: Apache-2.0

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A request of a workload, before it is known how it will be sent. */
export interface WorkloadRequest {
  /** When it ought to be sent, in milliseconds since the start of the run. Latencies count from here. */
  readonly intendedAtMs: number;
  /** The prompt as one text, or as a conversation. */
  readonly prompt: string | readonly ChatMessage[];
  /** Length of the prompt in estimated tokens. */
  readonly inputTokens: number;
  /** Tokens the answer has; engines are asked for exactly that many. */
  readonly maxTokens: number;
  /** Requests of one user or conversation have one session. */
  readonly sessionId?: string;
}

/** How a request ended, as far as a workload that reacts to answers cares. */
export interface WorkloadAnswer {
  /** When, in milliseconds since the start of the run. */
  readonly atMs: number;
  /** The answer's text; empty when there was none. */
  readonly text: string;
}

/**
 * One pass over a workload. A runner sends a request at each `nextAtMs`; a workload that reacts to answers
 * may bring its next request forward or come back to life whenever it is told of one.
 */
export interface WorkloadRun {
  /**
   * When the next request is due, or undefined when none is: for good, unless requests are in flight whose
   * end may bring more.
   */
  nextAtMs(): number | undefined;
  /** Takes the next request. Only to be called when `nextAtMs` gives an instant. */
  take(): WorkloadRequest;
  /** Tells that a request of this run has ended, however it ended. Missing when nothing depends on it. */
  ended?(request: WorkloadRequest, answer: WorkloadAnswer): void;
}

/** What a report says of a workload: plain values only. */
export interface WorkloadDescription {
  /** Kind of the workload, such as `mooncake` or `shared-prefix`. */
  readonly name: string;
  /** Seed of its texts, lengths and arrivals. */
  readonly seed: number;
  /** `open`: requests come at their times whatever happens; `closed`: users wait for their answers. */
  readonly loop: 'open' | 'closed';
  /** The other parameters, by name with their units. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
}

/** A load that can be run any number of times, each time with the very same input. */
export interface Workload {
  readonly description: WorkloadDescription;
  /** Starts from the beginning. */
  start(): WorkloadRun;
}

/** A workload whose requests come at their times whatever happens; made one ahead of their sending. */
export function openLoopWorkload(
  description: Omit<WorkloadDescription, 'loop'>,
  requests: () => Iterable<WorkloadRequest>,
): Workload {
  return {
    description: { ...description, loop: 'open' },
    start: () => {
      const iterator = requests()[Symbol.iterator]();
      let ahead: IteratorResult<WorkloadRequest> | undefined;
      // Pulled when it is asked for, so that making the next prompt does not delay the request just taken.
      const peek = (): IteratorResult<WorkloadRequest> => (ahead ??= iterator.next());
      return {
        nextAtMs: () => {
          const next = peek();
          return next.done === true ? undefined : next.value.intendedAtMs;
        },
        take: () => {
          const next = peek();
          if (next.done === true) throw new RangeError('the workload has no request left');
          ahead = undefined;
          return next.value;
        },
      };
    },
  };
}
