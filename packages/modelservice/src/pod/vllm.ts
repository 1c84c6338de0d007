// SPDX-License-Identifier: Apache-2.0
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { flag, flagIf, type Flag } from './flags.ts';
import { kvEventsConfigOf } from './kv-events.ts';
import { kvTransferConfigOf } from './kv-transfer.ts';
import type { ModelStorage } from './model-storage.ts';

const RPC_PORT = 5555;
/** Endpoints whose every request would be a line of the log. */
const QUIET = '/health,/metrics,/v1/models';
/** First version with --shutdown-timeout. */
const DRAINS_SINCE = [0, 18] as const;

/** Flags of vLLM for a role. */
export function vllmFlags(
  settings: Settings,
  role: RoleSettings,
  storage: ModelStorage,
): readonly Flag[] {
  const { model, engine } = settings;
  return [
    flag('--port', role.ports.engine[0] ?? 0),
    flag('--served-model-name', model.name, ...model.aliases),
    ...flagIf(model.revision !== undefined, '--revision', model.revision ?? ''),
    ...parallelFlags(role),
    ...flagIf(engine.blockSizeTokens !== undefined, '--block-size', engine.blockSizeTokens ?? 0),
    ...cacheFlags(settings, role),
    ...loraFlags(storage),
    flag('--disable-access-log-for-endpoints', QUIET),
    ...drainFlags(role),
  ];
}

/** Flags of vLLM that say how an engine is spread. */
export function parallelFlags({ parallelism: p, ports }: RoleSettings): readonly Flag[] {
  const grouped = p.workers > 1;
  return [
    ...flagIf(p.tensor > 1, '--tensor-parallel-size', p.tensor),
    ...flagIf(p.pipeline > 1, '--pipeline-parallel-size', p.pipeline),
    ...flagIf(p.data > 1, '--data-parallel-size', p.data),
    ...flagIf(p.dataLocal > 1, '--data-parallel-size-local', p.dataLocal),
    ...flagIf(p.expert, '--enable-expert-parallel'),
    ...flagIf(p.rankPorts, '--data-parallel-multi-port-external-lb'),
    ...flagIf(
      ports.supervisor !== undefined,
      '--data-parallel-supervisor-port',
      ports.supervisor ?? 0,
    ),
    ...flagIf(grouped && !p.rankPorts, '--data-parallel-hybrid-lb'),
    ...flagIf(grouped, '--data-parallel-address', '$(LWS_LEADER_ADDRESS)'),
    ...flagIf(grouped, '--data-parallel-rpc-port', RPC_PORT),
  ];
}

function cacheFlags(settings: Settings, role: RoleSettings): readonly Flag[] {
  const transfer = kvTransferConfigOf(settings, role.role);
  const events = kvEventsConfigOf(settings, role);
  return [
    ...flagIf(transfer !== undefined, '--kv-transfer-config', JSON.stringify(transfer)),
    ...flagIf(events !== undefined, '--kv-events-config', JSON.stringify(events)),
  ];
}

/** Adapters; as objects, which do not mind what is in a name. */
export function loraFlags({ loras }: ModelStorage): readonly Flag[] {
  if (loras.length === 0) return [];
  const ranks = loras.map(({ rank = 0 }) => rank);
  const modules = loras.map(({ name, path }) => JSON.stringify({ name, path }));
  return [
    flag('--enable-lora'),
    flag('--max-loras', loras.length),
    ...flagIf(Math.max(...ranks) > 0, '--max-lora-rank', Math.max(...ranks)),
    flag('--lora-modules', ...modules),
  ];
}

function drainFlags({ termination, engineImage }: RoleSettings): readonly Flag[] {
  const { drainSeconds } = termination;
  return flagIf(drainSeconds > 0 && drains(engineImage), '--shutdown-timeout', drainSeconds);
}

/** Whether an image of vLLM can drain. Tags that are no versions are taken for current ones. */
export function drains(image: string): boolean {
  const [, major, minor] = /:v?(\d+)\.(\d+)(?:\.\d+)?[^/:]*$/.exec(image) ?? [];
  if (major === undefined || minor === undefined) return true;
  if (!/vllm/.test(image)) return true;
  const [a, b] = DRAINS_SINCE;
  return Number(major) > a || Number(minor) >= b;
}

/**
 * Starts vLLM with the first rank of this pod, which follows from the pod's number in its group. Kubernetes does not
 * calculate in arguments, so a shell does; the arguments pass through it untouched.
 */
export const groupedVllmCommand = (ranksPerPod: number): readonly string[] => [
  '/bin/sh',
  '-c',
  `exec "$@" "--data-parallel-start-rank=$((LWS_WORKER_INDEX * ${ranksPerPod}))"`,
  'vllm',
  'vllm',
  'serve',
];
