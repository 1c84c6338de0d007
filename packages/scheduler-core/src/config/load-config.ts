// SPDX-License-Identifier: Apache-2.0
import { parseConfigText } from './config-text.ts';
import { defaultConfigText } from './default-config.ts';
import { resolveConfig, type ResolveConfigOptions } from './resolve-config.ts';
import type { ResolvedConfig } from './resolved-config.ts';

/** What {@link loadConfig} needs besides the text. */
export type LoadConfigOptions = Omit<ResolveConfigOptions, 'locate'>;

/**
 * Reads an EndpointPickerConfig (YAML or JSON) and resolves it; without a text, or with one that holds
 * nothing, {@link defaultConfigText}. Throws ConfigError with all problems, each with line and column.
 */
export function loadConfig(text: string | undefined, options: LoadConfigOptions): ResolvedConfig {
  const source = options.source ?? 'configuration';
  const given = text === undefined ? undefined : parseConfigText(text, source);
  const parsed =
    given?.value === undefined || given.value === null
      ? parseConfigText(defaultConfigText, source)
      : given;
  return resolveConfig(parsed.value, { ...options, locate: parsed.locate });
}
