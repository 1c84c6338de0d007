// SPDX-License-Identifier: Apache-2.0
import type { ConfigDiff, ConfigProblem, ResolvedConfig } from '@llm-d/scheduler-core';

/** What came of a new configuration. In any case but `applied` the old one goes on. */
export type ReloadOutcome =
  | {
      readonly kind: 'applied';
      /** Number of the configuration that runs from now on. */
      readonly generation: number;
      readonly diff: ConfigDiff;
      /** Instances whose own settings are the same and which begin anew for the sake of others they refer to. */
      readonly recreated: readonly string[];
    }
  /** Nothing would run differently. */
  | { readonly kind: 'unchanged' }
  /** It cannot run. */
  | { readonly kind: 'invalid'; readonly problems: readonly ConfigProblem[] }
  /** It can run, but not in this process. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Why a process that runs `before` cannot go on with `after`; undefined where it can. */
export function restartReason(before: ResolvedConfig, after: ResolvedConfig): string | undefined {
  const [earlier, later] = [discoveryOf(before), discoveryOf(after)];
  if (earlier !== later) {
    return `dataLayer.discovery changes from ${earlier} to ${later}, which needs a restart`;
  }
  const gate = 'haPopulateNonLeaderDatastore';
  if (before.featureGates[gate] !== after.featureGates[gate]) {
    const [was, is] = [before.featureGates[gate], after.featureGates[gate]];
    return `the feature gate ${gate} changes from ${was} to ${is}, which needs a restart`;
  }
  return undefined;
}

function discoveryOf({ dataLayer, plugins }: ResolvedConfig): string {
  if (dataLayer.discovery === undefined) return 'none';
  return plugins.find(({ name }) => name === dataLayer.discovery)?.type ?? dataLayer.discovery;
}
