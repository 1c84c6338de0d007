// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  Attributes,
  tokenizedPrompt,
  type Endpoint,
  type InstantiatedPlugins,
  type OwnCycle,
  type SchedulingCycle,
  type SchedulingOutcome,
  type SchedulingRequest,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import { schedulerDurationSeconds } from '../metrics.ts';
import { createAdmission } from './admission.ts';
import { createAttemptCounter } from './attempt-counter.ts';
import { createDataProduction } from './data-production.ts';
import { createDecisionLog, type DecisionLog, type DecisionRecord } from './decision-log.ts';
import { createFairnessIdentity } from './fairness-identity.ts';
import { openExchange, type ExchangeParts, type PlacedExchange } from './exchange.ts';
import { HeaderChanges } from './header-changes.ts';
import { cancelled, noEndpoints, saturated, type Refusal } from './refusal.ts';
import { createRequestMetrics } from './request-metrics.ts';
import { placeStages } from './stage-placement.ts';

/** Instances of a configuration's plugins, by what they do. */
export type PickerPlugins = Omit<InstantiatedPlugins, 'plugins'>;

export interface EndpointPickerOptions {
  readonly fleet: Fleet;
  readonly plugins: PickerPlugins;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** Decisions that are remembered for explanation. Default 1000. */
  readonly decisionLogCapacity?: number;
}

export interface PickOptions {
  /** Clock reading (ms) of the request's arrival. */
  readonly arrivedMs: number;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Ids of endpoints that failed this request already. Default none. */
  readonly exclude?: ReadonlySet<string>;
  /** Default 1. */
  readonly attempt?: number;
}

/** A request has its place. Whoever gets this must see `exchange` to its end. */
export interface Picked {
  readonly kind: 'picked';
  /** The destination and its fall-backs. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  /** Headers that plugins want sent upstream. */
  readonly upstreamHeaders: ReadonlyMap<string, string>;
  /** Headers that plugins want kept from upstream where the client sent them. */
  readonly removedHeaders: ReadonlySet<string>;
  readonly exchange: PlacedExchange;
}

/** Places requests on endpoints and follows them to the end of their answer; knows nothing of transports. */
export interface EndpointPicker {
  /**
   * Finds a place. The decision and its reservation happen in one turn of the event loop, so requests that arrive
   * together see each other. Rejects only when a plugin is broken.
   */
  pick(request: SchedulingRequest, options: PickOptions): Promise<Picked | Refusal>;
  readonly fleet: Fleet;
  readonly decisions: DecisionLog;
  /** Stops following the fleet. */
  close(): void;
}

/** Composes the life of a request out of the plugins of a configuration. */
export function createEndpointPicker(options: EndpointPickerOptions): EndpointPicker {
  const { fleet, plugins, clock, telemetry = noopTelemetry } = options;
  const { logger, metrics } = telemetry;
  const decisions = createDecisionLog(options.decisionLogCapacity ?? 1000);
  const produce = createDataProduction(plugins.producers, { clock, logger });
  const seriesOf = createRequestMetrics(metrics);
  const countAttempt = createAttemptCounter(metrics);
  const admit = createAdmission(plugins);
  const identified = createFairnessIdentity(plugins.requestHeaders);
  const schedulerDuration = metrics.histogram(schedulerDurationSeconds, {});
  const unlisten = plugins.endpoints.map(({ plugin }) => fleet.listen(plugin));

  const candidatesFor = ({ exclude }: PickOptions): readonly Endpoint[] => {
    const routable = fleet.routable(clock.nowMs());
    return exclude === undefined || exclude.size === 0
      ? routable
      : routable.filter(({ id }) => !exclude.has(id));
  };

  const schedule = (cycle: OwnCycle, candidates: readonly Endpoint[]): SchedulingOutcome => {
    const startedMs = clock.nowMs();
    const outcome = plugins.scheduler.schedule(cycle, candidates);
    schedulerDuration.observe((clock.nowMs() - startedMs) / 1000);
    return outcome;
  };

  const place = (
    cycle: SchedulingCycle,
    result: SchedulingResult,
    { arrivedMs, record, series }: Pick<ExchangeParts, 'arrivedMs' | 'record' | 'series'>,
  ): Picked => {
    const placement = placeStages(fleet, result);
    const headers = new HeaderChanges();
    for (const { name, plugin } of plugins.preRequest) {
      try {
        plugin.preRequest(cycle, result, headers);
      } catch (error) {
        logger.error('pre-request plugin failed', {
          plugin: name,
          requestId: cycle.request.id,
          error,
        });
      }
    }
    const exchange = openExchange({
      exchange: { cycle, result },
      placement,
      record,
      series,
      hooks: plugins.response,
      clock,
      logger,
      arrivedMs,
    });
    return {
      kind: 'picked',
      endpoints: result.endpoints,
      upstreamHeaders: headers.added,
      removedHeaders: headers.removed,
      exchange,
    };
  };

  return {
    fleet,
    decisions,
    pick: async (given, pick) => {
      const request = identified(given);
      const { attempt = 1 } = pick;
      const attributes = new Attributes();
      const cycle = { request, attributes, nowMs: clock.nowMs() };
      const series = seriesOf(request);
      if (attempt === 1) {
        series.total.inc();
        series.requestBytes.observe(request.bodyBytes);
      }
      let candidates = candidatesFor(pick);
      const producing =
        candidates.length === 0
          ? undefined
          : produce({ cycle, attributes, candidates, signal: pick.signal });
      if (producing !== undefined) {
        await producing;
        // The fleet may have changed meanwhile; a server that left must not be chosen.
        candidates = candidatesFor(pick);
      }

      const admitted = candidates.length === 0 ? undefined : admit(cycle, candidates, attempt);
      const outcome =
        admitted?.kind === 'admitted' ? schedule(cycle, admitted.candidates) : undefined;
      const denied = admitted?.kind === 'refused' ? admitted : undefined;
      const verdict = pick.signal.aborted ? cancelled : (denied ?? judge(outcome));
      const atMs = clock.nowMs();
      const record: DecisionRecord = {
        requestId: request.id,
        attempt,
        atEpochMs: clock.epochMs(),
        atMs,
        model: request.model,
        targetModel: request.targetModel,
        promptTokens: attributes.get(tokenizedPrompt())?.ids.length,
        waitedMs: atMs - pick.arrivedMs,
        outcome,
        refusal: verdict.kind === 'refused' ? verdict : undefined,
        answer: undefined,
      };
      decisions.add(record);
      countAttempt(request.targetModel, verdict);
      if (verdict.kind === 'scheduled') {
        return place(cycle, verdict, { arrivedMs: pick.arrivedMs, record, series });
      }
      series.error(verdict.status === 429 ? 'ResourceExhausted' : 'ServiceUnavailable');
      return verdict;
    },
    close: () => {
      for (const stop of unlisten) stop();
    },
  };
}

/** What an outcome means for the client; undefined is an outcome without a candidate. */
function judge(outcome: SchedulingOutcome | undefined): SchedulingResult | Refusal {
  if (outcome === undefined) {
    return noEndpoints('failed to find endpoint candidates for serving the request');
  }
  if (outcome.kind === 'scheduled') return outcome;
  const { profile, drainedBy, notes } = outcome;
  if (drainedBy !== undefined)
    return saturated(`${drainedBy} left no endpoint for profile ${profile}`);
  const note = notes?.find((candidate) => candidate.profile === profile);
  return saturated(note?.reason ?? `profile ${profile} found no endpoint`);
}
