// SPDX-License-Identifier: Apache-2.0
import type { ModelServiceSpec } from '@llm-d/crd-types';
import type { ChildNames } from '../child-names.ts';
import type { Labels, Role } from '../labels.ts';
import type { ModelSource } from '../model/model-uri.ts';
import type { Accelerator } from './accelerators.ts';
import type { Capabilities } from './capabilities.ts';
import type { Images } from './images.ts';
import type { Parallelism } from './parallelism.ts';
import type { PickerConfigName } from './presets.ts';

/** The spec of a role. */
export type RoleSpec = NonNullable<ModelServiceSpec['decode']>;

/** A secret that opens the place of a model. */
export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** Which model is served. */
export interface ModelSettings {
  /** What requests call it. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly source: ModelSource;
  readonly revision: string | undefined;
  readonly secret: SecretRef | undefined;
  readonly size: string | number | undefined;
  readonly loras: readonly LoraSettings[];
}

/** An adapter that is served too. */
export interface LoraSettings {
  readonly name: string;
  readonly source: ModelSource;
  readonly rank: number | undefined;
}

/** What runs the model. */
export interface EngineSettings {
  readonly type: 'vllm' | 'sglang' | 'simulator';
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly blockSizeTokens: number | undefined;
  readonly image: string;
  readonly imagePullPolicy: string | undefined;
}

/** Ports of a server. */
export interface RolePorts {
  /** Where requests arrive, one for every rank that is an endpoint of its own. */
  readonly service: readonly number[];
  /** Where the engine listens: the same, or behind the routing sidecar. */
  readonly engine: readonly number[];
  /** Where the health of all ranks is answered for. */
  readonly supervisor: number | undefined;
}

/** How a server ends. */
export interface Termination {
  readonly preStopSeconds: number;
  readonly drainSeconds: number;
  readonly graceSeconds: number;
}

/** Servers of one role. */
export interface RoleSettings {
  readonly role: Role;
  /** Such as `spec.decode`. */
  readonly path: string;
  readonly spec: RoleSpec;
  readonly parallelism: Parallelism;
  readonly accelerator: Accelerator;
  /** Accelerators of a pod. */
  readonly acceleratorCount: number;
  readonly ports: RolePorts;
  /** Whether the routing sidecar stands before the engine. */
  readonly proxied: boolean;
  /** Name of the container that runs the model. */
  readonly engineContainer: string;
  readonly engineImage: string;
  readonly workload: { readonly kind: 'Deployment' | 'LeaderWorkerSet'; readonly name: string };
  readonly service: string;
  readonly termination: Termination;
}

/** What engines publish about their caches. */
export interface KvEventSettings {
  readonly port: number;
  readonly replayPort: number;
  readonly bufferSteps: number | undefined;
  readonly hashSeed: string | undefined;
}

/** How requests arrive. */
export interface GatewaySettings {
  readonly mode: 'gateway' | 'standalone' | 'none';
  readonly provider: string;
  readonly refs: NonNullable<NonNullable<ModelServiceSpec['gateway']>['gatewayRefs']>;
  /** TLS between proxy and endpoint picker. */
  readonly tls: boolean;
}

/** A ModelService with nothing left open. */
export interface Settings {
  readonly name: string;
  /** Undefined where the object has none. */
  readonly namespace: string | undefined;
  /** With the preset under it. */
  readonly spec: ModelServiceSpec;
  /** Data of the BaseConfig; undefined where everything is made here. */
  readonly baseConfig: Readonly<Record<string, string>> | undefined;
  readonly model: ModelSettings;
  readonly engine: EngineSettings;
  /** Decode first. */
  readonly roles: readonly RoleSettings[];
  readonly disaggregated: boolean;
  readonly kvEvents: KvEventSettings | undefined;
  readonly gateway: GatewaySettings;
  readonly picker: PickerConfigName;
  readonly names: ChildNames;
  readonly labels: Labels;
  readonly images: Images;
  readonly capabilities: Capabilities;
}

/** The settings of a role, or undefined where there is none. */
export const roleOf = (settings: Settings, role: Role): RoleSettings | undefined =>
  settings.roles.find((candidate) => candidate.role === role);
