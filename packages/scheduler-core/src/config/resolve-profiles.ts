// SPDX-License-Identifier: Apache-2.0
import type { ExtensionPoint } from '../plugin-definition.ts';
import type { ProfileSection } from './config-schema.ts';
import type { PluginRow, PluginTable } from './plugin-table.ts';
import type { ConfigPath, ProblemList } from './problem-list.ts';
import type { ResolvedProfile } from './resolved-config.ts';

const DEFAULT_PICKER = 'max-score-picker';
const PROFILE_POINTS: readonly ExtensionPoint[] = ['filter', 'scorer', 'picker'];

interface ProfilesOptions {
  readonly table: PluginTable;
  readonly problems: ProblemList;
  readonly warnings: ProblemList;
}

/** A plugin as a profile uses it. */
interface Use {
  readonly row: PluginRow;
  readonly weight: number | undefined;
  readonly path: ConfigPath;
}

/**
 * Settles the profiles: without any, one called `default` of every filter, scorer and picker; without
 * a picker, the first one configured or `max-score-picker`.
 */
export function resolveProfiles(
  sections: readonly ProfileSection[],
  options: ProfilesOptions,
): ResolvedProfile[] {
  checkNames(sections, options.problems);
  const all: { name: string; uses: Use[]; path: ConfigPath }[] =
    sections.length === 0
      ? [{ name: 'default', uses: everyPlugin(options.table), path: ['plugins'] }]
      : sections.map((section, i) => ({
          name: section.name,
          uses: usesOf(section, i, options),
          path: ['schedulingProfiles', i],
        }));
  return all.map(({ name, uses, path }) => ({
    name,
    filters: uses.filter(({ row }) => row.points.includes('filter')).map(({ row }) => row.name),
    scorers: uses
      .filter(({ row }) => row.points.includes('scorer'))
      .map(({ row, weight }) => ({ plugin: row.name, weight: weight ?? 1 })),
    picker: pickerOf(name, uses, { ...options, path }),
  }));
}

function checkNames(sections: readonly ProfileSection[], problems: ProblemList): void {
  const names = new Set<string>();
  sections.forEach(({ name }, i) => {
    if (names.has(name)) {
      problems.add(['schedulingProfiles', i, 'name'], `another profile is called "${name}"`);
    }
    names.add(name);
  });
}

const everyPlugin = (table: PluginTable): Use[] =>
  table.rows.map((row) => ({ row, weight: undefined, path: row.path }));

function usesOf(section: ProfileSection, index: number, options: ProfilesOptions): Use[] {
  const { table, warnings } = options;
  return section.plugins.flatMap(({ pluginRef, weight }, i) => {
    const path = ['schedulingProfiles', index, 'plugins', i];
    const row = table.refer(pluginRef, [...path, 'pluginRef']);
    if (row === undefined) return [];
    if (!row.points.some((point) => PROFILE_POINTS.includes(point))) {
      warnings.add(path, `"${row.name}" (${row.type}) takes no part in a profile`);
    } else if (weight !== undefined && !row.points.includes('scorer')) {
      warnings.add([...path, 'weight'], `only scorers have a weight; ${row.type} is none`);
    }
    return [{ row, weight, path }];
  });
}

function pickerOf(
  profile: string,
  uses: readonly Use[],
  { table, problems, path }: ProfilesOptions & { readonly path: ConfigPath },
): string {
  const [picker, second] = uses.filter(({ row }) => row.points.includes('picker'));
  if (second !== undefined && picker !== undefined) {
    problems.add(
      second.path,
      `profile "${profile}" has two pickers, "${picker.row.name}" and "${second.row.name}"; it needs one`,
    );
  }
  const settled = picker?.row ?? table.withPoint('picker')[0] ?? table.ensure(DEFAULT_PICKER);
  if (settled === undefined && !table.isRefused(DEFAULT_PICKER)) {
    problems.add(path, `profile "${profile}" has no picker`);
  }
  return settled?.name ?? '';
}
