// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { ApiKind } from '@llm-d/inference-api';
import type { Logger, Metrics } from '@llm-d/telemetry';
import type { Leg } from '../connectors/connector.ts';
import { decodeDuration, requestErrors } from '../sidecar-metrics.ts';
import { answerError } from './answer.ts';
import { createCachedTokensRewriter } from './cached-tokens.ts';
import type { Inbound } from './inbound.ts';
import { legHeaders } from './passed-headers.ts';
import { relay, type AnswerRewriter, type Gate, type Relay, type RelayOutcome } from './relay.ts';
import type { UpstreamFailure } from './upstream-failure.ts';

export interface DecodeServerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** The decode server that this sidecar is beside. */
export interface DecodeServer {
  /** Sends it an inference request and streams its answer to the client. */
  begin(inbound: Inbound, leg: Leg & { readonly cachedTokens?: number }, gate?: Gate): Relay;
  /** Tells the client of what has gone wrong, if it has. */
  finish(inbound: Inbound, outcome: RelayOutcome): void;
}

/** A decode server. */
export function createDecodeServer(options: DecodeServerOptions): DecodeServer {
  const { clock, logger, metrics } = options;
  const seconds = metrics.histogram(decodeDuration, {});
  const errors = metrics.counter(requestErrors, { stage: 'decode' });
  return {
    begin: (inbound, leg, gate) => {
      const span = inbound.span.child('decode');
      const startedMs = clock.nowMs();
      const sets = [...(leg.sets ?? []), ...Object.entries(span.context())];
      const isRead = leg.cachedTokens !== undefined || gate !== undefined;
      const sent = relay({
        pool: inbound.decodePool,
        method: 'POST',
        path: inbound.path,
        headers: legHeaders(inbound.passed, { ...leg, sets }, { isRead }),
        body: leg.body,
        response: inbound.response,
        signal: inbound.signal,
        rewriter: rewriterOf(inbound.api, leg.cachedTokens),
        gate,
        clock,
        responseTimeoutMs: options.responseTimeoutMs,
        idleTimeoutMs: options.idleTimeoutMs,
      });
      void sent.outcome.then((outcome) => {
        if (outcome.kind === 'answered') seconds.observe((clock.nowMs() - startedMs) / 1000);
        else if ('error' in outcome) span.fail(outcome.error);
        span.end();
      });
      return sent;
    },
    finish: ({ id, response, record }, outcome) => {
      record.end = outcome.kind === 'answered' ? `answered ${outcome.status}` : outcome.kind;
      if (outcome.kind !== 'failed' && outcome.kind !== 'broken') return;
      const { failure, error } = outcome;
      errors.inc();
      logger.warn('decode server failed a request', { requestId: id, failure, error });
      const { type, message } = ERRORS[failure];
      answerError(response, type, message);
    },
  };
}

const ERRORS = {
  unreachable: {
    type: 'ServiceUnavailable',
    message:
      'The decode node is not ready. Please check that the vLLM service is running and the port configuration is correct.',
  },
  reset: { type: 'BadGateway', message: 'the decode server broke off' },
  timeout: { type: 'GatewayTimeout', message: 'the decode server did not answer in time' },
  unsendable: {
    type: 'BadRequestError',
    message: 'the path or a header of the request cannot be passed on',
  },
} as const satisfies Record<UpstreamFailure, { readonly type: string; readonly message: string }>;

/** What an error of a connection is told as. */
export const decodeErrorOf = (failure: UpstreamFailure) => ERRORS[failure];

function rewriterOf(api: ApiKind, cachedTokens: number | undefined) {
  if (cachedTokens === undefined) return undefined;
  return (status: number, headers: NodeJS.Dict<string | string[]>): AnswerRewriter | undefined => {
    if (status !== 200) return undefined;
    const streaming = String(headers['content-type'] ?? '').startsWith('text/event-stream');
    return createCachedTokensRewriter({ api, streaming, cachedTokens });
  };
}
