// SPDX-License-Identifier: Apache-2.0
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { engineCommand } from './engine-command.ts';
import { kvEventsEnvOf, kvEventsPortsOf } from './kv-events.ts';
import { handOverEnvOf, sideChannelPortOf } from './kv-transfer.ts';
import type { ModelStorage } from './model-storage.ts';
import { envOf, type Container } from './pod.ts';
import { probesOf } from './probes.ts';

/** What an engine's container is made of. */
export interface EngineContext {
  readonly settings: Settings;
  readonly role: RoleSettings;
  readonly storage: ModelStorage;
  /** What the role lays over it. */
  readonly stated: Container | undefined;
}

/** The container that runs the model: command, ports, probes and what the connections to other servers need. */
export function engineContainerOf({ settings, role, storage, stated }: EngineContext): Container {
  const { engine, disaggregated } = settings;
  const { parallelism } = role;
  return {
    name: role.engineContainer,
    image: role.engineImage,
    ...(engine.imagePullPolicy !== undefined && { imagePullPolicy: engine.imagePullPolicy }),
    ...engineCommand(settings, role, { storage, stated }),
    env: [
      ...envOf({
        DP_SIZE: String(parallelism.data),
        TP_SIZE: String(parallelism.tensor),
        DP_SIZE_LOCAL: String(parallelism.dataLocal),
      }),
      ...handOverEnvOf(settings, role.role),
      ...kvEventsEnvOf(settings),
      ...envOf(engine.env),
    ],
    ports: [
      ...role.ports.engine.map((containerPort, rank) => ({
        name: role.ports.engine.length > 1 ? `rank${rank}` : 'modelserver',
        containerPort,
        protocol: 'TCP',
      })),
      ...(disaggregated && engine.type === 'vllm'
        ? [{ name: 'nixl', containerPort: sideChannelPortOf(settings), protocol: 'TCP' }]
        : []),
      ...kvEventsPortsOf(settings, role),
    ],
    ...probesOf(role),
  };
}
