// SPDX-License-Identifier: Apache-2.0
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { flag, hasFlag, withFlags, type Flag } from './flags.ts';
import type { ModelStorage } from './model-storage.ts';
import type { Container } from './pod.ts';
import { sglangFlags } from './sglang.ts';
import { groupedVllmCommand, loraFlags, vllmFlags } from './vllm.ts';

/**
 * Command and arguments of an engine: the person's arguments first, and behind them what they do not say themselves.
 * A command of the person's own gets nothing that it has not asked for.
 */
export function engineCommand(
  settings: Settings,
  role: RoleSettings,
  { storage, stated }: { readonly storage: ModelStorage; readonly stated: Container | undefined },
): Pick<Container, 'command' | 'args'> {
  const { engine } = settings;
  const command = stated?.command ?? [];
  const own = [...(stated?.args ?? []), ...(role.spec.args ?? []), ...engine.args];
  if (command.length > 0 && !isServe(command)) return { command, args: own };
  switch (engine.type) {
    case 'vllm': {
      const grouped = role.parallelism.workers > 1;
      const start = grouped ? groupedVllmCommand(role.parallelism.dataLocal) : ['vllm', 'serve'];
      return {
        command: start,
        args: withFlags(withModel(own, storage.model), vllmFlags(settings, role, storage)),
      };
    }
    case 'sglang':
      return {
        command: ['python3', '-m', 'sglang.launch_server'],
        args: withFlags(own, sglangFlags(settings, role, storage)),
      };
    case 'simulator':
      return {
        ...(command.length > 0 && { command }),
        args: withFlags(own, simulatorFlags(settings, role, storage)),
      };
  }
}

const isServe = (command: readonly string[]): boolean => command.join(' ') === 'vllm serve';

/** The model stands first: a flag with several values would swallow it elsewhere. */
const withModel = (args: readonly string[], model: string): readonly string[] => {
  const [first] = args;
  const named = (first !== undefined && !first.startsWith('-')) || hasFlag(args, '--model');
  return named ? args : [model, ...args];
};

function simulatorFlags(
  { model }: Settings,
  role: RoleSettings,
  storage: ModelStorage,
): readonly Flag[] {
  return [
    flag('--port', role.ports.engine[0] ?? 0),
    flag('--model', storage.model),
    flag('--served-model-name', model.name, ...model.aliases),
    ...loraFlags(storage).filter(
      ({ name }) => name !== '--enable-lora' && name !== '--max-lora-rank',
    ),
  ];
}
