// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { ConfigError, type ConfigProblem, type ResolvedConfig } from '@llm-d/scheduler-core';
import type { Logger } from '@llm-d/telemetry';
import type { WatchedFiles } from '../discovery/file-discovery.ts';
import type { RunningPicker } from '../running-picker.ts';
import type { ConfigRecord, TriedConfig } from './config-record.ts';
import { followFile, type FileReading } from './followed-file.ts';

export interface ConfigFileOptions {
  readonly path: string;
  /** Text of the configuration that runs. */
  readonly text: string;
  /** What a text means to this program. Throws ConfigError, or another error whose message says what is wrong. */
  readonly load: (text: string) => ResolvedConfig;
  readonly running: RunningPicker;
  /** Told what came of each change. */
  readonly record: ConfigRecord;
  readonly clock: Clock;
  /** Default the file system. */
  readonly files?: WatchedFiles;
  readonly logger?: Logger;
  /** See `followFile`. */
  readonly settleMs?: number;
  readonly pollMs?: number;
}

/**
 * Runs what a configuration file says whenever it says something else that can run. Whatever happens to the file,
 * requests are placed by the last configuration that could. Returns how to stop.
 */
export function watchConfigFile(options: ConfigFileOptions): { stop(): void } {
  const { record, ...rest } = options;
  return followFile({
    ...rest,
    onChange: async (reading) => {
      record.tried(await tryReading(reading, options));
    },
  });
}

async function tryReading(
  reading: FileReading,
  { load, running }: ConfigFileOptions,
): Promise<TriedConfig> {
  if (reading.kind === 'unreadable') {
    return { text: undefined, outcome: invalid(`cannot be read: ${reading.message}`) };
  }
  const { text } = reading;
  // At the start nothing means the default; here it means that somebody is about to write.
  if (text.trim() === '') return { text, outcome: invalid('the file is empty') };
  try {
    const config = load(text);
    return { text, outcome: await running.reload(config), warnings: config.warnings };
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : undefined;
    if (problems !== undefined) return { text, outcome: { kind: 'invalid', problems } };
    return { text, outcome: invalid(error instanceof Error ? error.message : String(error)) };
  }
}

const invalid = (message: string) => {
  const problems: readonly ConfigProblem[] = [{ path: '', message }];
  return { kind: 'invalid' as const, problems };
};
