// SPDX-License-Identifier: Apache-2.0
import type { Decider } from '../../plugin-contracts.ts';
import type { PluginContext, PluginReference } from '../../plugin-definition.ts';
import type { Named } from '../../scheduler.ts';

/** References to deciders by name; the empty name stands for none. */
export const deciderReferences = (
  ...names: readonly (string | undefined)[]
): readonly PluginReference[] =>
  [...new Set(names)].flatMap((name) => (name ? [{ name, point: 'decider' as const }] : []));

/** The decider of that name; undefined for none. */
export function deciderNamed(
  name: string | undefined,
  context: PluginContext,
): Named<Decider> | undefined {
  if (name === undefined || name === '') return undefined;
  const { decider } = context.plugin(name);
  if (decider === undefined) throw new Error(`${name} is not a decider`);
  return { name, plugin: decider };
}
