// SPDX-License-Identifier: Apache-2.0
import type { ModelService, ModelServiceSpec } from '@llm-d/crd-types';
import { childNamesOf, type ChildNames } from '../child-names.ts';
import type { Findings } from '../findings.ts';
import { labelsOf } from '../labels.ts';
import { applyPreset } from './apply-preset.ts';
import { defaultCapabilities, type Capabilities } from './capabilities.ts';
import { defaultImages, type Images } from './images.ts';
import { presets, type PickerConfigName } from './presets.ts';
import type { EngineSettings, KvEventSettings, RoleSettings, Settings } from './settings.ts';
import { settleGateway } from './settle-gateway.ts';
import { settleModel } from './settle-model.ts';
import { settleRole, type RoleContext } from './settle-role.ts';

/** What a rendering depends on beside the ModelService. */
export interface Surroundings {
  /** Data of the ConfigMap that `baseConfigMapRef` names. */
  readonly baseConfig?: Readonly<Record<string, string>>;
  /** What the cluster can do. Default: everything, see {@link defaultCapabilities}. */
  readonly capabilities?: Partial<Capabilities>;
  /** Images instead of {@link defaultImages}. */
  readonly images?: Partial<Images>;
}

/** The settings of a ModelService, or undefined where there is a problem. */
export function settle(
  service: ModelService,
  surroundings: Surroundings,
  findings: Findings,
): Settings | undefined {
  const spec = applyPreset(service, findings);
  if (spec === undefined) return undefined;
  const capabilities = { ...defaultCapabilities, ...surroundings.capabilities };
  const images = { ...defaultImages, ...surroundings.images };
  const { name, namespace } = service.metadata;
  const names = childNamesOf(name);
  if (namespace === undefined) {
    findings.warn('metadata.namespace', 'is not given: default is taken where it must be named');
  }
  checkBaseConfig(service, { surroundings, capabilities, findings });
  const engine = settleEngine(spec, images);
  const model = settleModel(spec, findings);
  const roles = settleRoles(spec, { engine, names, findings });
  const gateway = settleGateway(spec, capabilities, findings);
  const kvEvents = settleKvEvents(spec, roles, findings);
  checkRoles(roles, { capabilities, findings });
  if (model === undefined || findings.problems.length > 0) return undefined;
  return {
    ...{ name, namespace, spec, model, engine, roles, gateway, kvEvents, names, images },
    baseConfig: spec.baseConfigMapRef && surroundings.baseConfig,
    disaggregated: roles.some(({ role }) => role === 'prefill'),
    picker: pickerOf(spec),
    labels: labelsOf(name, model.name, names.epp),
    capabilities,
  };
}

interface Check {
  readonly capabilities: Capabilities;
  readonly findings: Findings;
}

function checkBaseConfig(
  { metadata, spec: { baseConfigMapRef: ref } }: ModelService,
  { surroundings, capabilities, findings }: Check & { readonly surroundings: Surroundings },
): void {
  if (ref === undefined) return;
  const { namespace } = ref;
  const foreign = namespace !== undefined && namespace !== '' && namespace !== metadata.namespace;
  if (foreign && !capabilities.foreignBaseConfig) {
    findings.problem(
      'spec.baseConfigMapRef.namespace',
      'must be the namespace of the ModelService',
    );
  }
  if (surroundings.baseConfig === undefined) {
    findings.problem('spec.baseConfigMapRef', `there is no ConfigMap ${ref.name ?? ''}`);
  }
}

function settleEngine({ engine }: ModelServiceSpec, images: Images): EngineSettings {
  const type = engine?.type ?? 'vllm';
  return {
    type,
    args: engine?.args ?? [],
    env: engine?.env ?? {},
    blockSizeTokens: engine?.blockSizeTokens,
    image: engine?.image ?? images[type],
    imagePullPolicy: engine?.imagePullPolicy,
  };
}

function settleRoles(
  spec: ModelServiceSpec,
  context: {
    readonly engine: EngineSettings;
    readonly names: ChildNames;
    readonly findings: Findings;
  },
): readonly RoleSettings[] {
  const { prefill, disaggregation, baseConfigMapRef } = spec;
  const decode = spec.decode ?? (baseConfigMapRef === undefined ? {} : undefined);
  // A BaseConfig brings its own sidecar.
  const proxied = prefill !== undefined && baseConfigMapRef === undefined;
  const { port = 8000, targetPort = 8200 } = disaggregation?.proxy ?? {};
  const proxy: RoleContext['proxy'] = proxied ? { port, targetPort } : undefined;
  return [
    decode && settleRole('decode', decode, { ...context, proxy }),
    prefill && settleRole('prefill', prefill, { ...context, proxy }),
  ].filter((role) => role !== undefined);
}

function settleKvEvents(
  { kvEvents }: ModelServiceSpec,
  roles: readonly RoleSettings[],
  findings: Findings,
): KvEventSettings | undefined {
  if (kvEvents?.enabled !== true) return undefined;
  const { port, replayPort, bufferSteps, hashSeed } = kvEvents;
  const ranks = Math.max(1, ...roles.map(({ parallelism }) => parallelism.dataLocal));
  if (Math.abs(port - replayPort) < ranks) {
    findings.problem('spec.kvEvents.replayPort', `must be at least ${ranks} from port ${port}`);
  }
  return { port, replayPort, bufferSteps, hashSeed };
}

function checkRoles(roles: readonly RoleSettings[], { capabilities, findings }: Check): void {
  for (const { path, spec, workload } of roles) {
    if (workload.kind === 'LeaderWorkerSet' && !capabilities.leaderWorkerSet) {
      findings.problem(`${path}.parallelism`, 'the cluster has no LeaderWorkerSet');
    }
    if (spec.accelerator?.dra !== undefined && !capabilities.dynamicResources) {
      findings.problem(`${path}.accelerator.dra`, 'the cluster has no resource.k8s.io/v1');
    }
  }
  // Engines with different numbers of ranks cannot be one pool: it has one list of ports.
  const counts = new Set(roles.map(({ ports }) => ports.service.length));
  if (counts.size > 1) {
    findings.problem('spec.prefill.parallelism', 'prefill and decode must have as many rank ports');
  }
}

function pickerOf({ preset, kvEvents, prefill }: ModelServiceSpec): PickerConfigName {
  const chosen = preset === undefined ? undefined : presets.get(preset)?.picker;
  if (chosen !== undefined) return chosen;
  if (kvEvents?.enabled === true) return 'precise-prefix-cache';
  return prefill === undefined ? 'optimized-baseline' : 'pd-disaggregation';
}
