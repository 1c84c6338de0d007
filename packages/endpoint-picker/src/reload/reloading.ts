// SPDX-License-Identifier: Apache-2.0
import { configDiff, type ConfigProblem, type ResolvedConfig } from '@llm-d/scheduler-core';
import type { Generations } from './generations.ts';
import {
  discardGeneration,
  prepareGeneration,
  type PreparationParts,
  type PreparedGeneration,
} from './prepare-generation.ts';
import { restartReason, type ReloadOutcome } from './reload-outcome.ts';

export interface ReloadingOptions extends PreparationParts {
  readonly generations: Generations;
  /** Why the program cannot go on with another configuration; undefined where it can. Default it can. */
  readonly restartReason?: (before: ResolvedConfig, after: ResolvedConfig) => string | undefined;
}

/** Runs one configuration after the other. */
export interface Reloading {
  /** Waits for the reload before it. Never rejects. */
  reload(config: ResolvedConfig): Promise<ReloadOutcome>;
  /** Refuses what comes; resolves when no reload is under way. */
  close(): Promise<void>;
}

const CLOSING = 'the endpoint picker is shutting down';

/** Reloads for these generations. */
export function createReloading(options: ReloadingOptions): Reloading {
  const { generations } = options;
  let isClosed = false;
  let last: Promise<unknown> = Promise.resolve();

  const refusal = (config: ResolvedConfig): string | undefined => {
    if (isClosed) return CLOSING;
    const before = generations.config;
    return restartReason(before, config) ?? options.restartReason?.(before, config);
  };
  const reload = async (config: ResolvedConfig): Promise<ReloadOutcome> => {
    const { config: before, plugins } = generations;
    const diff = configDiff(before, config);
    if (diff.isEmpty) return { kind: 'unchanged' };
    const reason = refusal(config);
    if (reason !== undefined) return { kind: 'refused', reason };
    try {
      const present = { config: before, plugins: plugins.plugins };
      const prepared = await prepareGeneration(config, present, options);
      if (isClosed) {
        discardGeneration(prepared);
        return { kind: 'refused', reason: CLOSING };
      }
      run(prepared, generations);
      const { kept } = prepared.next.plugins;
      const recreated = diff.plugins.kept.filter((name) => !kept.has(name));
      return { kind: 'applied', generation: generations.number, diff, recreated };
    } catch (error) {
      return { kind: 'invalid', problems: [problemOf(error)] };
    }
  };

  return {
    reload: (config) => {
      const outcome = last.then(() => reload(config));
      last = outcome;
      return outcome;
    },
    close: async () => {
      isClosed = true;
      await last;
    },
  };
}

/** Swaps, in one turn of the event loop. */
function run({ next, data }: PreparedGeneration, generations: Generations): void {
  try {
    generations.swap(next);
  } catch (error) {
    data.discard();
    throw error;
  }
  data.start();
}

/** The whole of what a plugin or a part of the data layer has against a configuration. */
function problemOf(error: unknown): ConfigProblem {
  if (!(error instanceof Error)) return { path: '', message: String(error) };
  const { message, cause } = error;
  // Some errors quote their cause themselves.
  const isQuoted = !(cause instanceof Error) || message.includes(cause.message);
  return { path: '', message: isQuoted ? message : `${message}: ${cause.message}` };
}
