// SPDX-License-Identifier: Apache-2.0
import { didYouMean } from './closest-name.ts';
import type { ProblemList } from './problem-list.ts';

/** Every feature gate of llm-d-router v0.10.0 and whether it is open by default. */
export const featureGateDefaults = {
  flowControl: false,
  haPopulateNonLeaderDatastore: true,
} as const;

export type FeatureGate = keyof typeof featureGateDefaults;

/** Which gates are open. */
export type FeatureGates = Readonly<Record<FeatureGate, boolean>>;

/** Every gate there is. */
export const allFeatureGates: readonly FeatureGate[] = [
  'flowControl',
  'haPopulateNonLeaderDatastore',
];

const isGate = (name: string): name is FeatureGate => Object.hasOwn(featureGateDefaults, name);

/**
 * Settles `name` and `name=true|false` entries over the defaults; the last entry for a gate counts.
 * Moving a gate that is not `available` off its default is a problem.
 */
export function resolveFeatureGates(
  entries: readonly string[],
  options: { readonly available: readonly FeatureGate[]; readonly problems: ProblemList },
): FeatureGates {
  const gates: Record<FeatureGate, boolean> = { ...featureGateDefaults };
  entries.forEach((entry, i) => {
    const path = ['featureGates', i];
    const [, name = entry, value = 'true'] = /^([^=]*)(?:=(.*))?$/.exec(entry) ?? [];
    if (!isGate(name)) {
      const hint = didYouMean(name, Object.keys(featureGateDefaults));
      options.problems.add(path, `unknown feature gate "${name}"${hint}`);
    } else if (value !== 'true' && value !== 'false') {
      options.problems.add(path, `expected ${name}=true or ${name}=false, got ${entry}`);
    } else {
      gates[name] = value === 'true';
      if (gates[name] !== featureGateDefaults[name] && !options.available.includes(name)) {
        options.problems.add(path, `the feature gate ${entry} is not available yet`);
      }
    }
  });
  return gates;
}
