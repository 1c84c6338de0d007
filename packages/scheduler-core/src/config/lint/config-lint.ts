// SPDX-License-Identifier: Apache-2.0
import type { PluginRegistry } from '../../plugin-registry.ts';
import type { ResolvedConfig } from '../resolved-config.ts';
import { bitingCaps } from './biting-caps.ts';
import { idlePlugins } from './idle-plugins.ts';
import { scoreInfluences, scoringFindings, type ScoreInfluence } from './score-influence.ts';
import { stageFindings } from './stages.ts';

/** Something a reader of a configuration would want to know before running it. */
export interface LintFinding {
  /** `warning`: probably not what was meant. `note`: works as configured, and may surprise. */
  readonly severity: 'warning' | 'note';
  /** Plugin or profile that it is about. */
  readonly subject: string;
  /** One sentence or two, with the numbers that matter. */
  readonly message: string;
}

/** What a profile does with a request, in the order in which it does it. */
export interface ProfileLint {
  readonly name: string;
  readonly filters: readonly string[];
  /** Heaviest first. */
  readonly scorers: readonly ScoreInfluence[];
  readonly picker: string;
}

/** A configuration, explained. */
export interface ConfigLint {
  readonly handler: string;
  readonly profiles: readonly ProfileLint[];
  /** Warnings first. */
  readonly findings: readonly LintFinding[];
}

/**
 * Explains a configuration that is valid: what each scorer's weight amounts to, which signal can outweigh which, what
 * can never take effect and which bounds will be reached. `registry` must be the one the configuration was
 * resolved with.
 */
export function lintConfig(config: ResolvedConfig, registry: PluginRegistry): ConfigLint {
  const context = { config, registry };
  const profiles = config.profiles.map((profile) => ({
    name: profile.name,
    filters: profile.filters,
    scorers: scoreInfluences(profile, context),
    picker: profile.picker,
  }));
  const findings = [
    ...profiles.flatMap((profile) => scoringFindings(profile, context)),
    ...idlePlugins(context),
    ...stageFindings(context),
    ...bitingCaps(context),
  ];
  return {
    handler: config.handler,
    profiles,
    findings: findings.toSorted((a, b) => b.severity.localeCompare(a.severity)),
  };
}
