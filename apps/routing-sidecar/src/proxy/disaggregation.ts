// SPDX-License-Identifier: Apache-2.0
import { randomBelow, sleep, type Clock, type Random } from '@llm-d/determinism';
import type { Logger, Metrics } from '@llm-d/telemetry';
import type {
  Connector,
  ConnectorSettings,
  EngineIdentity,
  FailurePolicy,
  Plan,
} from '../connectors/connector.ts';
import type { EngineIds } from '../prefill/engine-ids.ts';
import type { PrefillClient } from '../prefill/prefill-client.ts';
import {
  answerPrefillFailure,
  mayBeMadeUpFor,
  type PrefillFailure,
} from '../prefill/prefill-failure.ts';
import type { Target } from '../routing/target.ts';
import {
  fallbacks,
  missingTransfers,
  requestErrors,
  strandedTransfers,
} from '../sidecar-metrics.ts';
import { answerVerbatim } from './answer.ts';
import type { DecodeServer } from './decode-server.ts';
import type { Inbound } from './inbound.ts';
import type { RelayOutcome } from './relay.ts';
import { createServerErrorGate } from './server-error-gate.ts';
import { createThresholdGate } from './threshold-gate.ts';

export interface DisaggregationOptions {
  readonly connector: Connector;
  readonly settings: ConnectorSettings;
  readonly policy: FailurePolicy;
  readonly prefill: PrefillClient;
  readonly decode: DecodeServer;
  readonly engines: EngineIds;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Serves requests by a prefiller and the decode server, or by the latter alone. */
export interface Disaggregation {
  /** Has the first prefiller that is well compute the prompt. Never rejects for what servers do. */
  serve(inbound: Inbound, prefillers: readonly [Target, ...Target[]]): Promise<void>;
  /** Has the decode server do all of it. */
  serveAlone(inbound: Inbound): Promise<void>;
}

/** What trying one prefiller came to; undefined where the client has its answer, whichever. */
type Attempt = PrefillFailure | undefined;

/** How long the other one's failure is waited for when one of two servers at work on a request fails. */
const BLAME_MS = 500;

/** Keeps nothing between requests. */
export function createDisaggregation(options: DisaggregationOptions): Disaggregation {
  const { connector, settings, policy, prefill, decode, engines, clock, metrics, newId } = options;

  const serveAlone = async (inbound: Inbound): Promise<void> => {
    const leg = connector.alone(inbound, { ...inbound, newId, settings });
    decode.finish(inbound, await decode.begin(inbound, leg).outcome);
  };

  const serve: Disaggregation['serve'] = async (inbound, prefillers) => {
    if (await isServedByProbe(inbound)) return;
    let failure: PrefillFailure = { kind: 'aborted' };
    let target = prefillers[0];
    for (const [index, candidate] of prefillers.entries()) {
      target = candidate;
      const attempt = await tryPrefiller(inbound, candidate);
      const outcome = attempt?.kind ?? 'well';
      inbound.record.tried.push({ target: candidate.hostPort, outcome });
      if (attempt === undefined) return;
      failure = attempt;
      if (policy === 'error' || !mayBeMadeUpFor(failure)) break;
      if (index + 1 < prefillers.length) metrics.counter(fallbacks, { by: 'next-prefiller' }).inc();
    }
    if (policy === 'local-prefill' && mayBeMadeUpFor(failure)) {
      metrics.counter(fallbacks, { by: 'local-prefill' }).inc();
      inbound.record.reason = 'every prefiller failed';
      inbound.record.route = 'decode';
      await serveAlone(inbound);
      return;
    }
    giveUp(inbound, failure, target);
  };

  const giveUp = (inbound: Inbound, failure: PrefillFailure, { hostPort }: Target): void => {
    inbound.record.end = failure.kind === 'aborted' ? 'client-gone' : `prefill ${failure.kind}`;
    if (failure.kind !== 'aborted') metrics.counter(requestErrors, { stage: 'prefill' }).inc();
    answerPrefillFailure(inbound.response, failure, hostPort);
  };

  /** Whether the decode server held enough to serve the request by itself. */
  const isServedByProbe = async (inbound: Inbound): Promise<boolean> => {
    const leg = connector.probe(inbound);
    if (leg === undefined) return false;
    const outcome = await decode.begin(inbound, leg, createThresholdGate()).outcome;
    if (outcome.kind === 'withheld') return false;
    inbound.record.route = 'decode';
    inbound.record.reason = 'the decode server holds enough of the prompt';
    decode.finish(inbound, outcome);
    return true;
  };

  const tryPrefiller = async (inbound: Inbound, target: Target): Promise<Attempt> => {
    const engine = connector.findsEngine ? await engineOf(target, inbound.signal) : undefined;
    if (connector.findsEngine && engine === undefined) {
      return inbound.signal.aborted ? { kind: 'aborted' } : { kind: 'no-engine' };
    }
    const { kvCacheSource } = inbound;
    const isSelf = kvCacheSource?.hostPort === target.hostPort;
    const plan = connector.plan(inbound, {
      target,
      requestId: newId(),
      newId,
      settings,
      kvCacheSource: isSelf ? undefined : kvCacheSource,
      engine,
      epochMs: clock.epochMs(),
      random: options.random,
    });
    const attempt =
      plan.kind === 'sequential'
        ? await inTurn(inbound, target, plan)
        : await atOnce(inbound, target, plan);
    // It may be another engine since it was asked.
    if (attempt !== undefined && connector.findsEngine) engines.forget(target.hostPort);
    return attempt;
  };

  const engineOf = async (
    target: Target,
    signal: AbortSignal,
  ): Promise<EngineIdentity | undefined> => {
    try {
      const ids = await engines.of(target.hostPort, signal);
      return ids[randomBelow(options.random, ids.length)];
    } catch (error) {
      if (!signal.aborted) {
        options.logger.warn('engine is not known', { target: target.hostPort, error });
      }
      return undefined;
    }
  };

  const inTurn = async (
    inbound: Inbound,
    target: Target,
    plan: Extract<Plan, { kind: 'sequential' }>,
  ): Promise<Attempt> => {
    const { signal } = inbound;
    const call = { target, leg: plan.prefill, signal, wantsAnswer: true };
    const result = await prefill.send(inbound, call);
    if (result.kind === 'failed') return result.failure;
    const leg = plan.decode(result.answer);
    if (leg === undefined) return { kind: 'bad-answer' };
    if (!leg.transfers) {
      metrics.counter(missingTransfers, {}).inc();
      options.logger.info('prefill named nothing to fetch', {
        requestId: inbound.id,
        target: target.hostPort,
      });
    }
    const outcome = await decode.begin(inbound, leg).outcome;
    const reason = strandedBy(outcome, inbound);
    if (leg.transfers && reason !== undefined) metrics.counter(strandedTransfers, { reason }).inc();
    decode.finish(inbound, outcome);
    return undefined;
  };

  const atOnce = async (
    inbound: Inbound,
    target: Target,
    plan: Extract<Plan, { kind: 'concurrent' }>,
  ): Promise<Attempt> => {
    const stop = new AbortController();
    const stopped = (): void => {
      stop.abort();
    };
    inbound.signal.addEventListener('abort', stopped, { once: true });
    const running = decode.begin(inbound, plan.decode, createServerErrorGate());
    let failure: PrefillFailure | undefined;
    const call = { target, leg: plan.prefill, signal: stop.signal, wantsAnswer: false };
    const prefilled = prefill.send(inbound, call).then((result) => {
      if (result.kind === 'well') return;
      failure = result.failure;
      running.abandon();
    });
    const outcome = await running.outcome;
    if (outcome.kind === 'withheld' && outcome.answer !== undefined) {
      await Promise.race([prefilled, sleep(clock, BLAME_MS)]);
    }
    inbound.signal.removeEventListener('abort', stopped);
    // A decode server that has answered well has fetched what it needed; the prefiller may end as it likes.
    if (outcome.kind !== 'answered' || outcome.status >= 400) stop.abort();
    if (outcome.kind === 'withheld' && failure !== undefined) return failure;
    if (outcome.kind === 'withheld') handOn(inbound, outcome);
    else decode.finish(inbound, outcome);
    return undefined;
  };

  const handOn = (
    inbound: Inbound,
    { answer }: Extract<RelayOutcome, { kind: 'withheld' }>,
  ): void => {
    if (answer === undefined) return;
    metrics.counter(requestErrors, { stage: 'decode' }).inc();
    inbound.record.end = `answered ${answer.status}`;
    answerVerbatim(inbound.response, answer);
  };

  return { serve, serveAlone };
}

/** Why a cache that a prefiller holds may never be fetched; undefined where the decode server has answered. */
function strandedBy(
  outcome: RelayOutcome,
  { response }: Inbound,
): 'decode-failed' | 'client-gone' | undefined {
  if (outcome.kind === 'failed') return 'decode-failed';
  if (outcome.kind === 'answered') return outcome.status >= 500 ? 'decode-failed' : undefined;
  return outcome.kind === 'client-gone' && !response.headersSent ? 'client-gone' : undefined;
}
