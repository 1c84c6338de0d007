// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  createConfigRecord,
  parsersSpeak,
  watchConfigFile,
  type ConfigRecord,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import { loadConfig, type PluginRegistry, type ResolvedConfig } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import { readFile } from 'node:fs/promises';
import { parserTypes } from './ext-proc/start-processor.ts';
import type { EppOptions } from './options.ts';

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

/** Nothing says where the endpoints are. */
export class NoDiscoveryError extends Error {
  readonly code = 'NO_DISCOVERY';
  readonly source: string;
  constructor(source: string) {
    super(
      `${source}: dataLayer.discovery is missing: name a plugin of type file-discovery there, which says which file lists the endpoints, or give --pool-name or --endpoint-selector`,
    );
    this.name = 'NoDiscoveryError';
    this.source = source;
  }
}

/** Two things say where the endpoints are. */
export class TwoDiscoveriesError extends Error {
  readonly code = 'TWO_DISCOVERIES';
  readonly source: string;
  constructor(source: string) {
    super(
      `${source}: dataLayer.discovery excludes --pool-name and --endpoint-selector: leave one of them out`,
    );
    this.name = 'TwoDiscoveriesError';
    this.source = source;
  }
}

type ConfigOptions = Pick<
  EppOptions,
  'configFile' | 'configText' | 'allowExperimentalPlugins' | 'kubernetes'
>;

/** What an endpoint picker starts with, and what other texts would mean to it. */
export interface Configuration {
  /** Undefined where it is built in. */
  readonly text: string | undefined;
  readonly config: ResolvedConfig;
  /** Throws ConfigError, {@link NoDiscoveryError} or {@link TwoDiscoveriesError}. */
  readonly load: (text: string | undefined) => ResolvedConfig;
}

/**
 * The configuration that options name. Rejects with ConfigError, {@link ConfigFileError}, {@link NoDiscoveryError} or
 * {@link TwoDiscoveriesError}.
 */
export async function readConfiguration(
  { configFile, configText, allowExperimentalPlugins, kubernetes }: ConfigOptions,
  registry: PluginRegistry,
): Promise<Configuration> {
  const fallback = configText === undefined ? 'built-in configuration' : '--config-text';
  const source = configFile ?? fallback;
  const text = configText ?? (configFile === undefined ? undefined : await readText(configFile));
  const load = (given: string | undefined): ResolvedConfig => {
    const config = loadConfig(given, {
      registry,
      source,
      allowExperimental: allowExperimentalPlugins,
    });
    const isListed = config.dataLayer.discovery !== undefined;
    if (!isListed && kubernetes === undefined) throw new NoDiscoveryError(source);
    if (isListed && kubernetes !== undefined) throw new TwoDiscoveriesError(source);
    return config;
  };
  return { text, config: load(text), load };
}

/** Why a replica that follows a pool cannot go on with `after`: what pools it fits is settled at the start. */
export function poolRestartReason(
  before: ResolvedConfig,
  after: ResolvedConfig,
): string | undefined {
  const [earlier, later] = [parserTypes(before), parserTypes(after)];
  const speaksOther = ['http', 'kubernetes.io/h2c'].some(
    (protocol) => parsersSpeak(earlier, protocol) !== parsersSpeak(later, protocol),
  );
  if (!speaksOther) return undefined;
  return `the parsers speak other protocols (${earlier.join(', ')}; then ${later.join(', ')}), which needs a restart`;
}

export interface FollowingParts {
  readonly configuration: Configuration;
  readonly running: RunningPicker;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Runs what the file says from now on, where there is one and options say so. Returns the record, and how to stop. */
export function followConfiguration(
  { configFile, reloadsConfig }: Pick<EppOptions, 'configFile' | 'reloadsConfig'>,
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
