// SPDX-License-Identifier: Apache-2.0
import type { ChildNames } from '../child-names.ts';
import type { Findings } from '../findings.ts';
import { reservedLabels, type Role } from '../labels.ts';
import { accelerators, type Accelerator } from './accelerators.ts';
import { settleParallelism, type Parallelism } from './parallelism.ts';
import type { EngineSettings, RolePorts, RoleSettings, RoleSpec, Termination } from './settings.ts';

/** What the settings of a role depend on beside its spec. */
export interface RoleContext {
  readonly engine: EngineSettings;
  readonly names: ChildNames;
  readonly findings: Findings;
  /** Ports of the routing sidecar, where there is one. */
  readonly proxy: { readonly port: number; readonly targetPort: number } | undefined;
}

const SERVICE_PORT = 8000;
/** Ranks take eight ports at most; the supervisor has the one behind them. */
const SUPERVISOR_OFFSET = 8;
/** Beyond draining: for the engine to let go of its devices. */
const EXIT_SECONDS = 5;

/** The settings of a role, or undefined with a problem. */
export function settleRole(
  role: Role,
  spec: RoleSpec,
  context: RoleContext,
): RoleSettings | undefined {
  const { findings, names, proxy } = context;
  const path = `spec.${role}`;
  const spread = settleParallelism(spec.parallelism);
  if ('message' in spread) {
    findings.problem(`${path}.parallelism`, spread.message);
    return undefined;
  }
  const { parallelism } = spread;
  const container = engineContainerOf(spec, context.engine);
  const engineImage = container.image ?? context.engine.image;
  const accelerator = settleAccelerator(spec, { ...context, path, engineImage });
  if (accelerator === undefined) return undefined;
  checkLabels(spec, { findings, path });
  checkEngine(parallelism, { engine: context.engine, findings, path });
  const grouped = parallelism.workers > 1;
  return {
    ...{ role, path, spec, parallelism, accelerator, engineImage },
    acceleratorCount: spec.accelerator?.count ?? parallelism.acceleratorsPerPod,
    ports: portsOf(parallelism, role === 'decode' ? proxy : undefined),
    proxied: role === 'decode' && proxy !== undefined,
    engineContainer: container.name,
    workload: grouped
      ? {
          kind: 'LeaderWorkerSet',
          name: role === 'decode' ? names.decodeGroup : names.prefillGroup,
        }
      : { kind: 'Deployment', name: names[role] },
    service: role === 'decode' ? names.decodeService : names.prefillService,
    termination: settleTermination(spec),
  };
}

/** The container that runs the model: the one of the engine's name, else the first that is listed. */
function engineContainerOf(
  { containers = [] }: RoleSpec,
  engine: EngineSettings,
): { readonly name: string; readonly image?: string } {
  const usual = engine.type === 'simulator' ? 'vllm' : engine.type;
  const named = containers.find(({ name }) => name === usual) ?? containers[0];
  const image = named?.image;
  return { name: named?.name ?? usual, ...(image !== undefined && { image }) };
}

interface AcceleratorContext extends RoleContext {
  readonly path: string;
  readonly engineImage: string;
}

function settleAccelerator(
  { accelerator: asked }: RoleSpec,
  { engine, findings, path, engineImage }: AcceleratorContext,
): Accelerator | undefined {
  const simulated = engine.type === 'simulator' || engineImage.includes('inference-sim');
  const type = asked?.type ?? (simulated ? 'cpu' : 'nvidia');
  const accelerator = accelerators.get(type);
  if (accelerator === undefined) {
    const known = [...accelerators.keys()].join(', ');
    findings.problem(`${path}.accelerator.type`, `must be one of ${known}`);
    return undefined;
  }
  if (
    asked?.dra !== undefined &&
    (asked.dra.deviceClassName ?? accelerator.deviceClass) === undefined
  ) {
    findings.problem(`${path}.accelerator.dra.deviceClassName`, `is required for ${type}`);
    return undefined;
  }
  return accelerator;
}

function checkLabels(
  { labels = {} }: RoleSpec,
  { findings, path }: { readonly findings: Findings; readonly path: string },
): void {
  for (const name of Object.keys(labels).filter((label) => reservedLabels.includes(label))) {
    findings.problem(`${path}.labels.${name}`, 'is set by the controller');
  }
}

function checkEngine(
  { workers, pipeline }: Parallelism,
  { engine, findings, path }: Pick<RoleContext, 'engine' | 'findings'> & { readonly path: string },
): void {
  if (workers > 1 && engine.type !== 'vllm') {
    findings.problem(`${path}.parallelism.workers`, 'engines of several pods need the engine vllm');
  }
  if (workers > 1 && pipeline > 1) {
    findings.problem(`${path}.parallelism.pipeline`, 'must be 1 in an engine of several pods');
  }
}

function portsOf({ rankPorts, dataLocal }: Parallelism, proxy: RoleContext['proxy']): RolePorts {
  const first = proxy?.port ?? SERVICE_PORT;
  const engine = proxy?.targetPort ?? SERVICE_PORT;
  const ranks = Array.from({ length: rankPorts ? dataLocal : 1 }, (_, rank) => rank);
  return {
    service: ranks.map((rank) => first + rank),
    engine: ranks.map((rank) => engine + rank),
    supervisor: rankPorts ? engine + SUPERVISOR_OFFSET : undefined,
  };
}

function settleTermination({ termination }: RoleSpec): Termination {
  const { preStopSeconds = 15, drainSeconds = 45 } = termination ?? {};
  return {
    preStopSeconds,
    drainSeconds,
    graceSeconds: preStopSeconds + drainSeconds + EXIT_SECONDS,
  };
}
