// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  createConfigRecord,
  watchConfigFile,
  type ConfigRecord,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import { loadConfig, type PluginRegistry, type ResolvedConfig } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import { readFile } from 'node:fs/promises';
import type { GatewayOptions } from './options.ts';

/** A configuration file that cannot be read. */
export class ConfigFileError extends Error {
  readonly code = 'CONFIG_FILE';
  readonly path: string;
  constructor(path: string, cause: unknown) {
    super(`${path}: cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'ConfigFileError';
    this.path = path;
  }
}

/** What a gateway starts with, and what other texts would mean to it. */
export interface Configuration {
  /** Undefined where it is built in. */
  readonly text: string | undefined;
  readonly config: ResolvedConfig;
  /** Throws ConfigError. */
  readonly load: (text: string | undefined) => ResolvedConfig;
}

type ConfigOptions = Pick<
  GatewayOptions,
  'configFile' | 'configText' | 'allowExperimentalPlugins' | 'reloadsConfig'
>;

/** The configuration that options name. Rejects with ConfigError or {@link ConfigFileError}. */
export async function readConfiguration(
  { configFile, configText, allowExperimentalPlugins }: ConfigOptions,
  registry: PluginRegistry,
): Promise<Configuration> {
  const fallback = configText === undefined ? 'built-in configuration' : '--config-text';
  const text = configText ?? (configFile === undefined ? undefined : await readText(configFile));
  const load = (given: string | undefined): ResolvedConfig =>
    loadConfig(given, {
      registry,
      source: configFile ?? fallback,
      allowExperimental: allowExperimentalPlugins,
    });
  return { text, config: load(text), load };
}

export interface FollowingParts {
  readonly configuration: Configuration;
  readonly running: RunningPicker;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Runs what the file says from now on, where there is one and options say so. Returns the record, and how to stop. */
export function followConfiguration(
  { configFile, reloadsConfig }: ConfigOptions,
  { configuration, running, clock, telemetry }: FollowingParts,
): { readonly record: ConfigRecord; stop(): void } {
  const { text, load } = configuration;
  const record = createConfigRecord({ running, text, clock, telemetry });
  const watching =
    configFile === undefined || text === undefined || !reloadsConfig
      ? undefined
      : watchConfigFile({
          path: configFile,
          text,
          load,
          running,
          record,
          clock,
          logger: telemetry.logger,
        });
  return { record, stop: () => watching?.stop() };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigFileError(path, error);
  }
}
