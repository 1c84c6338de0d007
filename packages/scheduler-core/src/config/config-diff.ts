// SPDX-License-Identifier: Apache-2.0
import { dataDifferences, type DataDifference } from './data-differences.ts';
import type { ResolvedConfig, ResolvedPlugin, ResolvedProfile } from './resolved-config.ts';

/** A plugin that runs before and after with other settings. */
export interface PluginChange {
  readonly name: string;
  /** Paths as `type` and `parameters.lruSize`. */
  readonly fields: readonly DataDifference[];
}

/** A scorer's weight in a profile; undefined where it has none there. */
export interface WeightChange {
  readonly plugin: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** A profile that is not as it was. */
export interface ProfileChange {
  readonly profile: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** All weights of a profile that came or went. */
  readonly weights: readonly WeightChange[];
  /** Everything else, with paths as `picker` and `filters[0]`. */
  readonly fields: readonly DataDifference[];
}

/** What runs differently under another configuration. */
export interface ConfigDiff {
  readonly plugins: {
    readonly added: readonly ResolvedPlugin[];
    readonly removed: readonly ResolvedPlugin[];
    readonly changed: readonly PluginChange[];
    /** Names of those with the same type and parameters. */
    readonly kept: readonly string[];
  };
  readonly profiles: readonly ProfileChange[];
  /** Everything else, with paths as in a resolved configuration, such as `flowControl.maxRequests`. */
  readonly settings: readonly DataDifference[];
  /** Nothing runs differently. */
  readonly isEmpty: boolean;
}

/**
 * Compares two resolved configurations by what they run: where they come from, what was written and what was filled in,
 * and their warnings do not count.
 */
export function configDiff(before: ResolvedConfig, after: ResolvedConfig): ConfigDiff {
  const plugins = diffPlugins(before.plugins, after.plugins);
  const profiles = diffProfiles(before.profiles, after.profiles);
  const settings = dataDifferences(settingsOf(before, after), settingsOf(after, before));
  const { added, removed, changed } = plugins;
  const lists = [added, removed, changed, profiles, settings];
  return { plugins, profiles, settings, isEmpty: lists.every(({ length }) => length === 0) };
}

function diffPlugins(
  before: readonly ResolvedPlugin[],
  after: readonly ResolvedPlugin[],
): ConfigDiff['plugins'] {
  const earlier = new Map(before.map((plugin) => [plugin.name, plugin]));
  const later = new Set(after.map(({ name }) => name));
  const changed: PluginChange[] = [];
  const kept: string[] = [];
  for (const { name, type, parameters } of after) {
    const old = earlier.get(name);
    if (old === undefined) continue;
    const fields = dataDifferences(
      { type: old.type, parameters: old.parameters },
      { type, parameters },
    );
    if (fields.length === 0) kept.push(name);
    else changed.push({ name, fields });
  }
  return {
    added: after.filter(({ name }) => !earlier.has(name)),
    removed: before.filter(({ name }) => !later.has(name)),
    changed,
    kept,
  };
}

function diffProfiles(
  before: readonly ResolvedProfile[],
  after: readonly ResolvedProfile[],
): readonly ProfileChange[] {
  const earlier = new Map(before.map((profile) => [profile.name, profile]));
  const later = new Map(after.map((profile) => [profile.name, profile]));
  const names = new Set([...later.keys(), ...earlier.keys()]);
  return [...names].flatMap((profile): ProfileChange[] => {
    const [old, young] = [earlier.get(profile), later.get(profile)];
    const weights = diffWeights(old, young);
    if (old === undefined) return [{ profile, kind: 'added', weights, fields: [] }];
    if (young === undefined) return [{ profile, kind: 'removed', weights, fields: [] }];
    const fields = dataDifferences(besidesWeights(old), besidesWeights(young));
    if (weights.length + fields.length === 0) return [];
    return [{ profile, kind: 'changed', weights, fields }];
  });
}

function diffWeights(
  before: ResolvedProfile | undefined,
  after: ResolvedProfile | undefined,
): readonly WeightChange[] {
  // A scorer may be listed twice: what it weighs is the sum.
  const [earlier, later] = [weightsOf(before), weightsOf(after)];
  return [...new Set([...later.keys(), ...earlier.keys()])].flatMap((plugin) => {
    const [old, young] = [earlier.get(plugin), later.get(plugin)];
    return old === young ? [] : [{ plugin, before: old, after: young }];
  });
}

function weightsOf(profile: ResolvedProfile | undefined): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const { plugin, weight } of profile?.scorers ?? []) {
    weights.set(plugin, (weights.get(plugin) ?? 0) + weight);
  }
  return weights;
}

/** The order of scorers decides nothing. */
const besidesWeights = ({ filters, picker }: ResolvedProfile) => ({ filters, picker });

/** Everything besides plugins and profiles; of those, the order of what both have. */
function settingsOf(config: ResolvedConfig, other: ResolvedConfig) {
  const { source: _, warnings: __, plugins, profiles, producers, ...settings } = config;
  const names = (named: readonly { readonly name: string }[]) => named.map(({ name }) => name);
  return {
    ...settings,
    pluginOrder: orderOf(names(plugins), names(other.plugins)),
    producerOrder: orderOf(producers, other.producers),
    profileOrder: orderOf(names(profiles), names(other.profiles)),
  };
}

/** One text, so that a change of the order is one difference. */
const orderOf = (names: readonly string[], others: readonly string[]): string =>
  names.filter((name) => others.includes(name)).join(', ');

/** The difference as lines for people, without a line end at the end; empty where nothing runs differently. */
export function formatConfigDiff(diff: ConfigDiff): string {
  const { added, removed, changed } = diff.plugins;
  return [
    ...added.map(({ name, type }) => `+ plugin ${name}${name === type ? '' : ` (${type})`}`),
    ...removed.map(({ name, type }) => `- plugin ${name}${name === type ? '' : ` (${type})`}`),
    ...changed.flatMap(({ name, fields }) => fields.map((at) => fieldLine(`plugin ${name}`, at))),
    ...diff.profiles.flatMap(profileLines),
    ...diff.settings.map((at) => fieldLine('', at)),
  ].join('\n');
}

function profileLines({ profile, kind, weights, fields }: ProfileChange): readonly string[] {
  const what = `profile ${profile}`;
  const lines = weights.map(({ plugin, before, after }) =>
    fieldLine(what, { path: `weight of ${plugin}`, before, after }),
  );
  if (kind === 'changed') return [...lines, ...fields.map((at) => fieldLine(what, at))];
  return [`${kind === 'added' ? '+' : '-'} ${what}`, ...lines];
}

const fieldLine = (what: string, { path, before, after }: DataDifference): string =>
  `~ ${what === '' ? '' : `${what}: `}${path} ${shown(before)} → ${shown(after)}`;

const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
