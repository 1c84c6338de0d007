// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { podIpEnv, type EnvVar } from './pod.ts';

/**
 * What an engine publishes about its cache, as `--kv-events-config` says it. The topic names the address by which
 * routers know the server, which is the sidecar's where there is one.
 */
export function kvEventsConfigOf(settings: Settings, role: RoleSettings): JsonObject | undefined {
  const { kvEvents, model } = settings;
  if (kvEvents === undefined) return undefined;
  return {
    enable_kv_cache_events: true,
    publisher: 'zmq',
    endpoint: `tcp://*:${kvEvents.port}`,
    replay_endpoint: `tcp://*:${kvEvents.replayPort}`,
    ...(kvEvents.bufferSteps !== undefined && { buffer_steps: kvEvents.bufferSteps }),
    topic: `kv@$(POD_IP):${role.ports.service[0] ?? 0}@${model.name}`,
  };
}

/** Environment of an engine that publishes. */
export function kvEventsEnvOf({ kvEvents }: Settings): readonly EnvVar[] {
  if (kvEvents === undefined) return [];
  const { hashSeed } = kvEvents;
  return [
    podIpEnv('POD_IP'),
    ...(hashSeed === undefined ? [] : [{ name: 'PYTHONHASHSEED', value: hashSeed }]),
  ];
}

/** Ports of an engine that publishes: of every rank in the pod, events and repetitions. */
export function kvEventsPortsOf({ kvEvents }: Settings, role: RoleSettings): readonly JsonObject[] {
  if (kvEvents === undefined) return [];
  return Array.from({ length: role.parallelism.dataLocal }, (_, rank) => [
    { name: `kv-events-${rank}`, containerPort: kvEvents.port + rank, protocol: 'TCP' },
    { name: `kv-replay-${rank}`, containerPort: kvEvents.replayPort + rank, protocol: 'TCP' },
  ]).flat();
}
