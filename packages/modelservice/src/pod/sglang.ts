// SPDX-License-Identifier: Apache-2.0
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { flag, flagIf, type Flag } from './flags.ts';
import { kvEventsConfigOf } from './kv-events.ts';
import type { ModelStorage } from './model-storage.ts';
import { bytesOf } from './quantity.ts';

/** Flags of SGLang for a role. */
export function sglangFlags(
  settings: Settings,
  role: RoleSettings,
  storage: ModelStorage,
): readonly Flag[] {
  const { model, engine } = settings;
  const { tensor, pipeline, data, expert } = role.parallelism;
  return [
    flag('--model-path', storage.model),
    flag('--host', '0.0.0.0'),
    flag('--port', role.ports.engine[0] ?? 0),
    flag('--served-model-name', model.name),
    ...flagIf(model.revision !== undefined, '--revision', model.revision ?? ''),
    ...flagIf(tensor > 1, '--tp-size', tensor),
    ...flagIf(pipeline > 1, '--pp-size', pipeline),
    ...flagIf(data > 1, '--dp-size', data),
    ...flagIf(expert, '--ep-size', tensor),
    ...flagIf(engine.blockSizeTokens !== undefined, '--page-size', engine.blockSizeTokens ?? 0),
    ...handOverFlags(settings, role),
    ...cacheFlags(settings, role),
    ...loraFlags(storage),
    flag('--enable-metrics'),
  ];
}

function handOverFlags({ disaggregated, spec }: Settings, { role }: RoleSettings): readonly Flag[] {
  if (!disaggregated) return [];
  const backend = spec.disaggregation?.connector === 'mooncake' ? 'mooncake' : 'nixl';
  return [flag('--disaggregation-mode', role), flag('--disaggregation-transfer-backend', backend)];
}

function cacheFlags(settings: Settings, role: RoleSettings): readonly Flag[] {
  const { cpu } = settings.spec.offload ?? {};
  const { enable_kv_cache_events: _, ...events } = kvEventsConfigOf(settings, role) ?? {};
  return [
    ...flagIf(cpu !== undefined, '--enable-hierarchical-cache'),
    ...flagIf(cpu !== undefined, '--hicache-size', Math.ceil(bytesOf(cpu?.size ?? 0) / 1e9)),
    ...flagIf(settings.kvEvents !== undefined, '--kv-events-config', JSON.stringify(events)),
  ];
}

function loraFlags({ loras }: ModelStorage): readonly Flag[] {
  if (loras.length === 0) return [];
  return [
    flag('--enable-lora'),
    flag('--lora-paths', ...loras.map(({ name, path }) => `${name}=${path}`)),
  ];
}
