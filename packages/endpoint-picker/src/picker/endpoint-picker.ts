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
import { noopTelemetry, type Metrics, type Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import { createFleetView } from '../flow-control/fleet-view.ts';
import { createFlowControl, type FlowControl } from '../flow-control/flow-control.ts';
import type { UnplacedCount } from '../flow-control/flow-controller.ts';
import type { FlowSnapshot } from '../flow-control/flow-snapshot.ts';
import type { Passage } from '../flow-control/passage.ts';
import { createShedding } from '../flow-control/shedding.ts';
import type { Eligibility } from '../request/subset-hint.ts';
import {
  requestProcessingSeconds,
  responseProcessingSeconds,
  schedulerDurationSeconds,
} from '../metric-definitions/picker-series.ts';
import { createRequestTracing, type RequestTrace } from '../tracing/request-trace.ts';
import { createAdmission } from './admission.ts';
import { createAttemptCounter } from './attempt-counter.ts';
import { createDataProduction } from './data-production.ts';
import { createDecisionLog, type DecisionLog, type DecisionRecord } from './decision-log.ts';
import { createControlledEntrance, createOpenEntrance, type Entry } from './entrance.ts';
import { createFairnessIdentity } from './fairness-identity.ts';
import {
  measuredHooks,
  openExchange,
  type ExchangeParts,
  type PlacedExchange,
} from './exchange.ts';
import { HeaderChanges } from './header-changes.ts';
import { createPrefixRecords } from './prefix-records.ts';
import { createPreRequest } from './pre-request.ts';
import { cancelled, noEndpoints, saturated, type Refusal } from './refusal.ts';
import { createRequestMetrics } from './request-metrics.ts';
import { placeStages } from './stage-placement.ts';

/** Instances of a configuration's plugins, by what they do. */
export type PickerPlugins = Omit<InstantiatedPlugins, 'plugins' | 'kept'>;

export interface EndpointPickerOptions {
  readonly fleet: Fleet;
  readonly plugins: PickerPlugins;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** Decisions that are remembered for explanation. Default 1000. */
  readonly decisionLogCapacity?: number;
  /** Where they are remembered. Default a log of its own. */
  readonly decisions?: DecisionLog;
  /** Number of the configuration, for the record. Default 1. */
  readonly generation?: number;
  /** The plugins hear of the fleet from somebody else. Default false. */
  readonly pluginsFollowFleet?: boolean;
  /** What flow control let through and has no place yet, counted together with others. Default on its own. */
  readonly unplaced?: UnplacedCount;
  /** Called when an answer has begun or is over, which may make room for requests. Default nothing. */
  readonly onRoom?: () => void;
  /** Name of the pool in metrics. Default `epp`. */
  readonly poolName?: string;
  /** Time (ms) from one scrape of an endpoint to its next, for whom it takes so long to see a change. Default 50. */
  readonly scrapeIntervalMs?: number;
  /**
   * Whether flow control keeps requests of this priority apart though no band is configured for it; others count as
   * priority 0. Default all.
   */
  readonly isKnownPriority?: (priority: number) => boolean;
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
  /** Which endpoints the request may go to at all. Default every one. */
  readonly eligible?: Eligibility | undefined;
  /** Asked when a place was found, before it is taken: why it must not be. Default nothing. */
  readonly precondition?:
    ((cycle: SchedulingCycle, result: SchedulingResult) => Refusal | undefined) | undefined;
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
  /** How the place was found. */
  readonly result: SchedulingResult;
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
  /** Whether a producer reads `request.body`. Where none does, requests had better come without it. */
  readonly readsBodies: boolean;
  /** Undefined while the gate `flowControl` is closed. */
  readonly flowControl: FlowControlView | undefined;
  /** Stops following the fleet and refuses what waits. */
  close(): void;
}

/** A picker as its owner holds it. */
export interface OwnEndpointPicker extends EndpointPicker {
  /** Requests that are being placed or answered. */
  readonly inFlight: number;
  /** Calls back once, when nothing is in flight any more; at once where nothing is. To be called when nothing comes any more. */
  whenIdle(callback: () => void): void;
  /** Something that neither the fleet nor an exchange of this picker tells of may have made room. */
  changed(): void;
}

/** Flow control for those who look at it. */
export interface FlowControlView {
  /** What waits. A live view: to be read in the turn in which it was asked for. */
  snapshot(): FlowSnapshot;
  /** Shows the metrics of the moment and forgets flows and bands that are long over. To be called now and then. */
  refresh(): void;
}

/** Composes the life of a request out of the plugins of a configuration. */
export function createEndpointPicker(options: EndpointPickerOptions): OwnEndpointPicker {
  const { fleet, plugins, clock, telemetry = noopTelemetry, generation = 1 } = options;
  const { logger, metrics } = telemetry;
  const decisions = options.decisions ?? createDecisionLog(options.decisionLogCapacity ?? 1000);
  const { durations } = plugins;
  const produce = createDataProduction(plugins.producers, { clock, logger, durations });
  const prefixesOf = createPrefixRecords(plugins.producers);
  const prepare = createPreRequest(plugins.preRequest, { durations, logger });
  const hooks = measuredHooks(plugins.response, durations);
  const traceOf = createRequestTracing({
    tracer: telemetry.tracer,
    clock,
    typeOf: (plugin) => durations.typeOf(plugin),
  });
  const seriesOf = createRequestMetrics(metrics);
  const countAttempt = createAttemptCounter(metrics);
  const admit = createAdmission(plugins);
  const identified = createFairnessIdentity(plugins.requestHeaders);
  const schedulerDuration = metrics.histogram(schedulerDurationSeconds, {});
  const requestProcessing = metrics.histogram(requestProcessingSeconds, {});
  const responseProcessing = metrics.histogram(responseProcessingSeconds, {});
  const listeners = options.pluginsFollowFleet === true ? [] : plugins.endpoints;
  const unlisten = listeners.map(({ plugin }) => fleet.listen(plugin));
  const flowControl = startFlowControl(options, metrics);
  const enter =
    flowControl === undefined
      ? createOpenEntrance(
          createShedding(
            createFleetView({
              ...plugins,
              fleet,
              clock,
              detector: plugins.saturationDetector?.plugin,
            }),
          ),
        )
      : createControlledEntrance(flowControl);

  let inFlight = 0;
  let idle: (() => void) | undefined;
  const left = (): void => {
    inFlight--;
    if (inFlight === 0) idle?.();
  };

  const candidatesFor = ({ exclude, eligible }: PickOptions): readonly Endpoint[] => {
    const members = fleet.routable(clock.nowMs());
    const routable = eligible === undefined ? members : members.filter(eligible);
    // An ejected one that may be well beats none.
    if (routable.length === 0 && eligible !== undefined) return fleet.snapshot().filter(eligible);
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
    cycle: OwnCycle,
    result: SchedulingResult,
    {
      passage,
      ...parts
    }: Pick<ExchangeParts, 'arrivedMs' | 'record' | 'series' | 'trace'> & {
      readonly passage: Passage | undefined;
    },
  ): Picked => {
    const placement = placeStages(fleet, result);
    const headers = new HeaderChanges();
    prepare(cycle, result, headers);
    release(cycle);
    parts.trace.continueUpstream(headers);
    const exchange = openExchange({
      ...parts,
      exchange: { cycle, result },
      placement,
      hooks,
      responseProcessing,
      clock,
      logger,
      onStarted: () => {
        flowControl?.changed();
        options.onRoom?.();
      },
      onEnded: (usage) => {
        passage?.ended(usage);
        options.onRoom?.();
        left();
      },
    });
    passage?.placed(() => {
      exchange.evict();
    });
    return {
      kind: 'picked',
      endpoints: result.endpoints,
      upstreamHeaders: headers.added,
      removedHeaders: headers.removed,
      exchange,
      result,
    };
  };

  const choose = (cycle: OwnCycle, candidates: readonly Endpoint[], pick: PickOptions): Choice => {
    const admitted =
      candidates.length === 0 ? undefined : admit(cycle, candidates, pick.attempt ?? 1);
    const outcome =
      admitted?.kind === 'admitted' ? schedule(cycle, admitted.candidates) : undefined;
    const denied = admitted?.kind === 'refused' ? admitted : undefined;
    const judged = pick.signal.aborted ? cancelled : (denied ?? judge(outcome));
    const unmet = judged.kind === 'scheduled' ? pick.precondition?.(cycle, judged) : undefined;
    return { outcome, verdict: unmet ?? judged };
  };

  const remember = (
    request: SchedulingRequest,
    pick: PickOptions,
    decided: Pick<
      DecisionRecord,
      'flow' | 'outcome' | 'refusal' | 'promptTokens' | 'tokensEstimatedFor' | 'prefixes'
    >,
  ): DecisionRecord => {
    const atMs = clock.nowMs();
    const record: DecisionRecord = {
      requestId: request.id,
      attempt: pick.attempt ?? 1,
      generation,
      atEpochMs: clock.epochMs(),
      atMs,
      model: request.model,
      targetModel: request.targetModel,
      waitedMs: atMs - pick.arrivedMs,
      ...decided,
      answer: undefined,
    };
    decisions.add(record);
    return record;
  };

  const placeOne = async (
    request: SchedulingRequest,
    pick: PickOptions,
    { passage, flow, trace }: LetIn & { readonly trace: RequestTrace },
  ): Promise<Picked | Refusal> => {
    const attributes = new Attributes();
    const cycle = { request, attributes, nowMs: clock.nowMs(), onRun: trace.onRun };
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
    // Nothing is awaited from here on, so that the next decision sees this one's reservation.
    const { outcome, verdict } = choose(cycle, candidates, pick);
    const tokens = attributes.get(tokenizedPrompt());
    const record = remember(request, pick, {
      flow,
      outcome,
      refusal: verdict.kind === 'refused' ? verdict : undefined,
      promptTokens: tokens?.ids.length,
      tokensEstimatedFor: tokens?.estimatedFor,
      prefixes: prefixesOf(attributes),
    });
    countAttempt(request.targetModel, verdict);
    trace.decided(record);
    const series = seriesOf(request);
    if (verdict.kind === 'scheduled') {
      return place(cycle, verdict, { arrivedMs: pick.arrivedMs, record, series, trace, passage });
    }
    trace.refused(verdict);
    series.error(ERROR_CODES[verdict.status]);
    return verdict;
  };

  return {
    fleet,
    decisions,
    readsBodies: plugins.producers.some(({ plugin }) => plugin.readsBody === true),
    flowControl,
    get inFlight() {
      return inFlight;
    },
    whenIdle: (callback) => {
      idle = () => {
        idle = undefined;
        callback();
      };
      if (inFlight === 0) idle();
    },
    changed: () => {
      flowControl?.changed();
    },
    pick: async (given, pick) => {
      let passage: Passage | undefined;
      let picked: Picked | Refusal | undefined;
      const { attempt = 1, arrivedMs } = pick;
      const trace = traceOf(given, { arrivedMs, attempt });
      inFlight++;
      try {
        const request = identified(given);
        const series = seriesOf(request);
        if (attempt === 1) {
          series.total.inc();
          series.requestBytes.observe(request.bodyBytes);
        }
        const entering = enter(request, { ...pick, attempt });
        const entry = entering instanceof Promise ? await entering : entering;
        if (entry.kind === 'turned away') {
          const { flow, refusal } = entry;
          const decided = { flow, refusal, outcome: undefined, promptTokens: undefined };
          trace.decided(remember(request, pick, decided));
          trace.refused(refusal);
          series.error(ERROR_CODES[refusal.status]);
          return refusal;
        }
        passage = entry.passage;
        picked = await placeOne(request, pick, { ...entry, trace });
        return picked;
      } catch (error) {
        trace.failed(error);
        throw error;
      } finally {
        if (attempt === 1) requestProcessing.observe((clock.nowMs() - arrivedMs) / 1000);
        // From here on the exchange owns both; without one it is over, whatever has happened.
        if (picked?.kind !== 'picked') {
          passage?.ended(undefined);
          left();
        }
      }
    },
    close: () => {
      flowControl?.close();
      for (const stop of unlisten) stop();
    },
  };
}

/** Lets go of what is large, for an answer may take minutes. */
function release(cycle: OwnCycle): void {
  const { request } = cycle;
  cycle.request = {
    id: request.id,
    model: request.model,
    targetModel: request.targetModel,
    headers: request.headers,
    prompt: NO_PROMPT,
    cacheSalt: request.cacheSalt,
    maxOutputTokens: request.maxOutputTokens,
    streaming: request.streaming,
    priority: request.priority,
    fairnessId: request.fairnessId,
    bodyBytes: request.bodyBytes,
  };
  cycle.attributes.clear();
}

const NO_PROMPT: SchedulingRequest['prompt'] = { kind: 'none' };

/** A request on its way to a place. */
type LetIn = Extract<Entry, { kind: 'let in' }>;

/** What was found for a request, and on what grounds. */
interface Choice {
  /** Undefined where the scheduler was not asked. */
  readonly outcome: SchedulingOutcome | undefined;
  readonly verdict: SchedulingResult | Refusal;
}

function startFlowControl(
  options: EndpointPickerOptions,
  metrics: Metrics,
): FlowControl | undefined {
  const { plugins, poolName = 'epp', scrapeIntervalMs = 50 } = options;
  if (plugins.flowControl === undefined) return undefined;
  return createFlowControl({
    policies: plugins.flowControl,
    fleet: options.fleet,
    clock: options.clock,
    detector: plugins.saturationDetector,
    producers: plugins.producers,
    metrics,
    poolName,
    scrapeIntervalMs,
    isKnownPriority: options.isKnownPriority ?? (() => true),
    unplaced: options.unplaced,
  });
}

/** The `error_code` that a refusal counts under. */
const ERROR_CODES = {
  412: 'PreconditionFailed',
  429: 'ResourceExhausted',
  503: 'ServiceUnavailable',
} as const;

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
