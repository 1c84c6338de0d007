// SPDX-License-Identifier: Apache-2.0
import type { Random } from '@llm-d/determinism';
import type { ApiKind } from '@llm-d/inference-api';
import type { RequestBody } from '../body/request-body.ts';
import type { Target } from '../routing/target.ts';

/** Names of connectors as `--kv-connector` has them. */
export const connectorNames = [
  'nixlv2',
  'shared-storage',
  'sglang',
  'mooncake',
  'offloading',
] as const;
export type ConnectorName = (typeof connectorNames)[number];

/** What happens when the prefiller fails a request. */
export const failurePolicies = [
  /** The others of the list are tried; then the failure is the answer. */
  'retry',
  /** The first failure is the answer. */
  'error',
  /** The others of the list are tried; then the decode server computes the prompt itself. */
  'local-prefill',
] as const;
export type FailurePolicy = (typeof failurePolicies)[number];

/** A request that is to be served by two servers. */
export interface InferenceRequest {
  readonly api: ApiKind;
  /** Without anything that only the platform may say. */
  readonly body: RequestBody;
}

/** What connectors are told by flags. */
export interface ConnectorSettings {
  /** Where SGLang's prefillers are met. */
  readonly sglangBootstrapPort: number;
  /** Where Mooncake's prefillers say which engines they are. */
  readonly mooncakeBootstrapPort: number;
  /** Of rank 0: where an engine's cache is pulled from. */
  readonly p2pConnectorPort: number;
  /** Of rank 0: where the endpoint picker sends requests. */
  readonly basePort: number;
  readonly dataParallelSize: number;
  /** Whether engines can pull prefixes from each other although the connector is another one. */
  readonly pullsFromPeers: boolean;
}

/** The engine that a prefill will run on. */
export interface EngineIdentity {
  readonly rank: string;
  readonly engineId: string;
}

/** What a plan is made for. */
export interface PlanContext {
  readonly target: Target;
  /** The same for both halves of a request, fresh for every attempt. */
  readonly requestId: string;
  readonly newId: () => string;
  readonly settings: ConnectorSettings;
  /** Who holds a prefix of the prompt; undefined for nobody, and for the target itself. */
  readonly kvCacheSource: Target | undefined;
  /** Set where the connector {@link Connector.findsEngine}. */
  readonly engine: EngineIdentity | undefined;
  readonly epochMs: number;
  readonly random: Random;
}

/** A request to one server. */
export interface Leg {
  readonly body: Buffer;
  /** Headers besides the client's, in addition to those of the same name. */
  readonly adds?: readonly (readonly [name: string, value: string])[];
  /** Headers in place of the client's. */
  readonly sets?: readonly (readonly [name: string, value: string])[];
}

/** The decode half, made of what the prefiller has answered. */
export interface DecodeLeg extends Leg {
  /** What `usage` is to say of the tokens that were in the prefiller's cache; undefined leaves it as it is. */
  readonly cachedTokens?: number;
  /** Whether there is a cache to be fetched. */
  readonly transfers: boolean;
}

/** How a request is served by two servers. */
export type Plan =
  | {
      readonly kind: 'sequential';
      readonly prefill: Leg;
      /** Undefined where the answer is not what a prefiller answers. */
      decode(answer: Buffer): DecodeLeg | undefined;
    }
  /** Both at once; they find each other. What the prefiller answers does not matter. */
  | { readonly kind: 'concurrent'; readonly prefill: Leg; readonly decode: Leg };

/** A protocol between prefillers and decode servers: which bodies they get, and in which order. Pure. */
export interface Connector {
  readonly name: ConnectorName;
  /** What may happen when a prefiller fails; the first one is the default. */
  readonly failurePolicies: readonly [FailurePolicy, ...FailurePolicy[]];
  /** Whether it must be asked which engine the prefill will run on before a plan is made. */
  readonly findsEngine: boolean;
  /**
   * What the decode server is asked before any prefiller is; undefined for nothing. An answer that ends with
   * `finish_reason: "cache_threshold"` says that a prefiller is needed.
   */
  probe(request: InferenceRequest): Leg | undefined;
  plan(request: InferenceRequest, context: PlanContext): Plan;
  /** What a decode server gets that does all of it; `undefined` source for no peer to pull from. */
  alone(
    request: InferenceRequest,
    context: Pick<PlanContext, 'kvCacheSource' | 'newId' | 'settings'>,
  ): Leg;
}
