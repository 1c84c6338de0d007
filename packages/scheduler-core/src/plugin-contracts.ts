// SPDX-License-Identifier: Apache-2.0
import type { Attribute, Attributes } from './attribute.ts';
import type { PrefixKnowledge } from './attributes/prefix-knowledge.ts';
import type { PrefixMatches } from './attributes/prefix-matches.ts';
import type { SchedulingCycle } from './cycle.ts';
import type { Endpoint } from './endpoint.ts';
import type {
  EvictionFilter,
  EvictionOrdering,
  FairnessPolicy,
  OrderingPolicy,
  SaturationDetector,
  UsageLimitPolicy,
} from './flow-control-contracts.ts';
import type { ProfileOutcome, SchedulingResult, StageNote } from './scheduling-result.ts';

/**
 * Narrows the candidates. Returns a subset in the given order, the same array where nothing is
 * dropped. An empty answer makes the profile fail.
 */
export interface Filter {
  filter(cycle: SchedulingCycle, candidates: readonly Endpoint[]): readonly Endpoint[];
}

/**
 * Rates the candidates: one number for each, in their order. 1 is best and 0 worst; the scheduler
 * clamps what lies outside and takes NaN for 0.
 */
export interface Scorer {
  score(cycle: SchedulingCycle, candidates: readonly Endpoint[]): ArrayLike<number>;
}

/** Candidates with the weighted sum of their scores, in step. Never empty. */
export interface ScoredCandidates {
  readonly endpoints: readonly Endpoint[];
  readonly totals: readonly number[];
}

/**
 * Chooses among scored candidates. Returns at least one, the first choice in front; further ones are
 * fall-backs in order.
 */
export interface Picker {
  pick(cycle: SchedulingCycle, scored: ScoredCandidates): readonly Endpoint[];
}

/** Decides which profiles run and which of them gives the destination. */
export interface ProfileHandler {
  /**
   * Names of the profiles to run next, given what ran so far; empty when done. Asked again after every
   * round. A name that ran already is a programming error.
   */
  next(
    cycle: SchedulingCycle,
    profiles: readonly string[],
    outcomes: ReadonlyMap<string, ProfileOutcome>,
    output: HandlerOutput,
  ): readonly string[];
  /**
   * Name of the profile whose endpoints are the destination. One that did not run, or found nothing,
   * means that there is no endpoint.
   */
  primary(cycle: SchedulingCycle, outcomes: ReadonlyMap<string, ProfileOutcome>): string;
  /**
   * Where the request is sent instead of a chosen endpoint: the same endpoint under another address.
   * Default the endpoint itself.
   */
  destination?(endpoint: Endpoint): Endpoint;
}

/** What a profile handler leaves behind for the profiles that run next and for the decision's explanation. */
export interface HandlerOutput {
  readonly attributes: Attributes;
  /** To be added to: why a stage runs or is left out. */
  readonly notes: StageNote[];
}

/** Whether a stage of its own is worth its cost, and why. */
export interface Disaggregation {
  readonly disaggregate: boolean;
  /** For people, with the numbers that decided: `412 uncached tokens < 512`. */
  readonly reason: string;
}

/** Decides for each request whether prefill or encoding runs on another endpoint. */
export interface Decider {
  /** `chosen` is the endpoint the request goes to; undefined where it is chosen last. */
  decide(cycle: SchedulingCycle, chosen: Endpoint | undefined): Disaggregation;
}

/** Whether a request may be placed at all. */
export type Admission =
  | { readonly admitted: true }
  | {
      readonly admitted: false;
      /** What the client is answered. */
      readonly status: 429 | 503;
      /** For people, with the numbers that decided. */
      readonly message: string;
    };

/** Turns requests away before they are scheduled. Asked once, when what the producers know is known. */
export interface Admitter {
  admit(cycle: SchedulingCycle, candidates: readonly Endpoint[]): Admission;
}

/**
 * Narrows the candidates of all profiles before any of them runs. Returns a subset; what is left is what every
 * screener kept.
 */
export interface Screener {
  screen(cycle: SchedulingCycle, candidates: readonly Endpoint[]): readonly Endpoint[];
}

/** Reads a request's headers before anything is decided about it. */
export interface RequestHeaders {
  /** Tenant or program that the request counts for in fairness, or undefined where its headers do not tell. */
  fairnessIdOf(headers: ReadonlyMap<string, string>): string | undefined;
}

/**
 * Establishes facts about a request before it is scheduled. A producer that returns no promise runs in
 * the same turn of the event loop as the decision. A failure or a time-out leaves its attributes unset
 * and the request goes on.
 */
export interface DataProducer {
  produce(
    cycle: SchedulingCycle,
    candidates: readonly Endpoint[],
    output: ProducerOutput,
  ): void | Promise<void>;
  /** Longest it may take, in milliseconds. Default 400. */
  readonly timeoutMs?: number;
  /** It reads `request.body`, which transports keep only where somebody does. Default false. */
  readonly readsBody?: boolean;
  /** What a decision's record keeps of it. Default nothing. */
  readonly recorded?: RecordedFacts;
  /**
   * Sets the attributes that are live views of the whole fleet. Called before the first request, and again with other
   * attributes for each further configuration that keeps the instance.
   */
  publish?(attributes: Attributes): void;
}

/** Attributes that are kept with a decision to explain it. Their values never change and hold no prompt text. */
export interface RecordedFacts {
  readonly matches: Attribute<PrefixMatches>;
  readonly knowledge?: Attribute<PrefixKnowledge>;
}

export interface ProducerOutput {
  /** Takes what the plugin's definition declares as produced. */
  readonly attributes: Attributes;
  /** Aborted when the time is up or the client is gone. */
  readonly signal: AbortSignal;
}

/** Headers that go upstream or to the client with the request's id. Names are lower-case. */
export interface HeaderWriter {
  set(name: string, value: string): unknown;
  /** Takes back what was set, and what came with the request or the answer. */
  delete(name: string): unknown;
}

/**
 * Runs after the pick, in the same turn of the event loop: reservations and bookkeeping. Must not throw.
 */
export interface PreRequest {
  preRequest(cycle: SchedulingCycle, result: SchedulingResult, upstreamHeaders: HeaderWriter): void;
}

/** Makes facts about an endpoint of what a data source read of it. */
export interface Extractor {
  /**
   * Takes one answer; its bytes are lent for the time of the call. Returns scalars to be kept among the endpoint's
   * metrics, by attribute key, or undefined where there are none. Throws where the answer makes no sense.
   */
  extract(endpoint: Endpoint, answer: Uint8Array): Readonly<Record<string, number>> | undefined;
}

/** How an exchange ended. */
export type Termination = 'natural' | 'client-disconnect' | 'evicted' | 'error';

/** Token counts that an engine reported. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number | undefined;
}

/**
 * What a proxy and a plugin tell each other about an exchange beside its headers, by namespace (`envoy.lb`) and
 * name. Plain data.
 */
export type DynamicMetadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A request that was placed, for the response hooks. */
export interface Exchange {
  readonly cycle: SchedulingCycle;
  readonly result: SchedulingResult;
}

/** What is known when an exchange is over. */
export interface Completion {
  readonly termination: Termination;
  /** Status of the answer; undefined where none came. */
  readonly status: number | undefined;
  readonly usage: TokenUsage | undefined;
  /** Events of a streamed answer, of which most carry a token. Absent where nobody counted. */
  readonly streamedEvents?: number;
  /** Clock reading (ms). */
  readonly atMs: number;
}

/**
 * Watches the answer. For every exchange that passed `preRequest`, `responseCompleted` is called exactly
 * once, whatever happens; the others at most once, in this order. Must not throw. The cycle has neither prompt nor body
 * nor attributes any more, which would have to be kept as long as the answer comes: what is needed of them is taken in
 * `preRequest`.
 */
export interface ResponseHooks {
  responseHeaders?(
    exchange: Exchange,
    headers: ReadonlyMap<string, string>,
    clientHeaders: HeaderWriter,
    /** What the proxy sent along with the answer's head. Undefined where the transport has no such thing. */
    metadata?: DynamicMetadata,
  ): void;
  /** The first byte of the answer's body passed. */
  responseStarted?(exchange: Exchange, atMs: number): void;
  /** May return what the proxy is to be told with the last message of the answer. */
  responseCompleted?(exchange: Exchange, completion: Completion): DynamicMetadata | undefined;
}

/** Follows the fleet. Whoever keeps state by slot clears it here. */
export interface EndpointListener {
  endpointAdded?(endpoint: Endpoint): void;
  /** Its labels are others now; everything else about it stays, its slot too. */
  endpointRelabelled?(endpoint: Endpoint): void;
  endpointRemoved?(endpoint: Endpoint): void;
}

/**
 * What an instance of a plugin can do: one member for each extension point it serves. Which attributes
 * it reads and sets is said by its definition, so that a configuration is checked without creating it.
 */
export interface Plugin {
  readonly filter?: Filter;
  readonly scorer?: Scorer;
  readonly picker?: Picker;
  readonly profileHandler?: ProfileHandler;
  readonly decider?: Decider;
  readonly admitter?: Admitter;
  readonly screener?: Screener;
  readonly requestHeaders?: RequestHeaders;
  readonly producer?: DataProducer;
  readonly preRequest?: PreRequest;
  readonly response?: ResponseHooks;
  readonly endpoints?: EndpointListener;
  /** Of a plugin that a data source feeds. */
  readonly extractor?: Extractor;
  readonly saturationDetector?: SaturationDetector;
  readonly orderingPolicy?: OrderingPolicy;
  readonly fairnessPolicy?: FairnessPolicy;
  readonly usageLimitPolicy?: UsageLimitPolicy;
  readonly evictionFilter?: EvictionFilter;
  readonly evictionOrdering?: EvictionOrdering;
  /** What it is doing, for people who ask: plain data, no prompt text. */
  state?(): unknown;
  /** Ends what it keeps going on its own, such as timers and connections. Called once. */
  close?(): void | Promise<void>;
}
