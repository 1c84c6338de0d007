// SPDX-License-Identifier: Apache-2.0
import { loadConfig, type PluginRegistry, type ResolvedConfig } from '@llm-d/scheduler-core';
import { readFile } from 'node:fs/promises';
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

/**
 * The configuration that options name. Rejects with ConfigError, {@link ConfigFileError}, {@link NoDiscoveryError} or
 * {@link TwoDiscoveriesError}.
 */
export async function readConfiguration(
  { configFile, configText, allowExperimentalPlugins, kubernetes }: ConfigOptions,
  registry: PluginRegistry,
): Promise<ResolvedConfig> {
  const fallback = configText === undefined ? 'built-in configuration' : '--config-text';
  const source = configFile ?? fallback;
  const text = configText ?? (configFile === undefined ? undefined : await readText(configFile));
  const config = loadConfig(text, {
    registry,
    source,
    allowExperimental: allowExperimentalPlugins,
  });
  const isListed = config.dataLayer.discovery !== undefined;
  if (!isListed && kubernetes === undefined) throw new NoDiscoveryError(source);
  if (isListed && kubernetes !== undefined) throw new TwoDiscoveriesError(source);
  return config;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigFileError(path, error);
  }
}
