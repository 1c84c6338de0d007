// SPDX-License-Identifier: Apache-2.0
import { preciseConfig, type PreciseSetting } from './precise-config.ts';

const withPicker = (picker: string): string => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: ${picker}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: ${picker}
`;

/**
 * Routing policies that have a name of their own, as EndpointPickerConfig texts; undefined is the gateway's own, which
 * guesses what is cached where. `precise` depends on where the engines are.
 */
export const policies = {
  default: undefined,
  approximate: undefined,
  precise: preciseConfig,
  random: withPicker('random-picker'),
  'round-robin': withPicker('round-robin-picker'),
} satisfies Readonly<Record<string, string | typeof preciseConfig | undefined>>;

const isNamed = (policy: string): policy is keyof typeof policies =>
  Object.hasOwn(policies, policy);

/** Whether a policy may live on what engines say of their caches: the precise one, and any configuration in a file. */
export const mayReadKvEvents = (policy: string): boolean =>
  policy === 'precise' || !isNamed(policy);

/**
 * Gateway arguments that make it route by `policy`: one of {@link policies}, or else the path of a configuration. `setting`
 * is where the engines of this gateway are.
 */
export function policyArguments(policy: string, setting: PreciseSetting): readonly string[] {
  if (!isNamed(policy)) return ['--config', policy];
  const named = policies[policy];
  const text = typeof named === 'function' ? named(setting) : named;
  return text === undefined ? [] : ['--config-text', text];
}
