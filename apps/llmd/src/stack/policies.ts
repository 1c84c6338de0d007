// SPDX-License-Identifier: Apache-2.0

const withPicker = (picker: string): string => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: ${picker}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: ${picker}
`;

/** Routing policies that have a name of their own, as EndpointPickerConfig texts. `default` is the gateway's own. */
export const policies: Readonly<Record<string, string | undefined>> = {
  default: undefined,
  random: withPicker('random-picker'),
  'round-robin': withPicker('round-robin-picker'),
};

/** Gateway arguments that make it route by `policy`: one of {@link policies}, or else the path of a configuration. */
export function policyArguments(policy: string): readonly string[] {
  if (!(policy in policies)) return ['--config', policy];
  const text = policies[policy];
  return text === undefined ? [] : ['--config-text', text];
}
