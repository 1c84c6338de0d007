// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import type { Logger, Metrics } from '@llm-d/telemetry';
import type { Leg } from '../connectors/connector.ts';
import { collect, type CollectRequest } from '../proxy/collect.ts';
import type { Inbound } from '../proxy/inbound.ts';
import { legHeaders } from '../proxy/passed-headers.ts';
import type { Upstream } from '../proxy/upstream.ts';
import type { Target } from '../routing/target.ts';
import { openBreakers, prefillAttempts, prefillDuration } from '../sidecar-metrics.ts';
import type { Breakers } from './breakers.ts';
import {
  breakerResultOf,
  isPassing,
  prefillFailureOf,
  type PrefillFailure,
} from './prefill-failure.ts';

export interface PrefillClientOptions {
  readonly upstream: Upstream;
  readonly breakers: Breakers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly timeoutMs: number;
  /** How often the same prefiller is asked again. */
  readonly maxRetries: number;
  readonly retryBackoffMs: number;
}

/** How a prefill ended. */
export type PrefillResult =
  | { readonly kind: 'well'; readonly answer: Buffer }
  | { readonly kind: 'failed'; readonly failure: PrefillFailure };

export interface PrefillCall {
  readonly target: Target;
  readonly leg: Leg;
  /** Aborted when nobody wants the prefill any more. */
  readonly signal: AbortSignal;
  /** Whether its answer is of use; else only its status is. */
  readonly wantsAnswer: boolean;
}

/** Sends requests to prefillers, whose health it watches. */
export interface PrefillClient {
  /** Never rejects. */
  send(inbound: Inbound, call: PrefillCall): Promise<PrefillResult>;
}

/** Largest answer of a prefiller that is read; prompts echoed as tokens make them large. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** What is kept where only the status matters: enough of an error to hand it on. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Asks nobody yet. */
export function createPrefillClient(options: PrefillClientOptions): PrefillClient {
  const { upstream, breakers, clock, logger, metrics, maxRetries, retryBackoffMs } = options;
  const seconds = metrics.histogram(prefillDuration, {});

  const sendOnce = async (inbound: Inbound, call: PrefillCall): Promise<PrefillResult> => {
    const ticket = breakers.enter(call.target.hostPort);
    if (ticket === undefined) return ended({ kind: 'failed', failure: { kind: 'breaker-open' } });
    const startedMs = clock.nowMs();
    const collected = await collect(collectRequest(inbound, call));
    const failure = prefillFailureOf(collected);
    ticket.end(breakerResultOf(failure));
    metrics.gauge(openBreakers, {}).set(breakers.open);
    if (failure !== undefined) return ended({ kind: 'failed', failure });
    seconds.observe((clock.nowMs() - startedMs) / 1000);
    // Without a failure there is an answer.
    const answer = collected.kind === 'answered' ? collected.answer.body : Buffer.alloc(0);
    return ended({ kind: 'well', answer });
  };
  const ended = (result: PrefillResult): PrefillResult => {
    const outcome = result.kind === 'well' ? result.kind : result.failure.kind;
    metrics.counter(prefillAttempts, { outcome }).inc();
    return result;
  };
  const collectRequest = (
    inbound: Inbound,
    { target, leg, signal, wantsAnswer }: PrefillCall,
  ): CollectRequest => {
    const sets = [...(leg.sets ?? []), ...Object.entries(inbound.span.context())];
    return {
      pool: upstream.poolOf(target.hostPort),
      path: inbound.path,
      headers: legHeaders(inbound.passed, { ...leg, sets }, { isRead: true }),
      body: leg.body,
      signal,
      timeoutMs: options.timeoutMs,
      clock,
      maxBytes: wantsAnswer ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES,
      beyond: wantsAnswer ? 'fails' : 'is-dropped',
    };
  };
  return {
    send: async (inbound, call) => {
      for (let again = 0; ; again++) {
        const result = await sendOnce(inbound, call);
        if (result.kind === 'well') return result;
        const { failure } = result;
        if (failure.kind !== 'aborted') {
          const status = failure.kind === 'status' ? failure.answer.status : undefined;
          const target = call.target.hostPort;
          logger.warn('prefill failed', {
            requestId: inbound.id,
            target,
            failure: failure.kind,
            status,
          });
        }
        if (again >= maxRetries || !isPassing(failure)) return result;
        try {
          await sleep(clock, retryBackoffMs, call.signal);
        } catch {
          return { kind: 'failed', failure: { kind: 'aborted' } };
        }
      }
    },
  };
}
