// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import type { AnyPluginDefinition } from '../plugin-definition.ts';
import type { PluginRegistry } from '../plugin-registry.ts';
import { didYouMean } from './closest-name.ts';
import { pluginEntry } from './config-schema.ts';
import { knownPluginTypes } from './known-plugins.ts';
import { PluginTable, type PluginRow } from './plugin-table.ts';
import type { ConfigPath, ProblemList } from './problem-list.ts';
import { parseField } from './schema-problems.ts';

interface EntriesOptions {
  readonly registry: PluginRegistry;
  readonly allowExperimental: boolean;
  readonly problems: ProblemList;
  readonly warnings: ProblemList;
}

/** Checks every entry of `plugins`: its fields, its name, its type and the parameters of that type. */
export function readPluginEntries(
  entries: readonly unknown[],
  options: EntriesOptions,
): PluginTable {
  const table = new PluginTable(options.registry, options.problems);
  entries.forEach((entry, i) => {
    readEntry(entry, i, { ...options, table });
  });
  for (const row of table.rows) {
    for (const { name, point } of row.definition.references?.(row.parameters) ?? []) {
      table.refer(name, [...row.path, 'parameters'], point);
    }
  }
  return table;
}

interface EntryContext extends EntriesOptions {
  readonly table: PluginTable;
}

function readEntry(value: unknown, index: number, context: EntryContext): void {
  const { problems, table } = context;
  const path = ['plugins', index];
  const entry = parseField(pluginEntry, { value, path, problems });
  if (entry === undefined) {
    const broken = nameOfBroken(value);
    if (broken !== undefined) table.refuse(broken);
    return;
  }
  const { name: given = '', type } = entry;
  const name = given === '' ? type : given;
  if (table.has(name)) {
    problems.add(
      [...path, given === '' ? 'type' : 'name'],
      `another plugin is called "${name}"; give one of them a name of its own`,
    );
    return;
  }
  const row = settle({ ...entry, name }, path, context);
  if (row === undefined) table.refuse(name);
  else table.add(row);
}

/** Finds the entry's type and has it check the parameters; undefined where it is refused. */
function settle(
  { name, type, parameters: value }: z.output<typeof pluginEntry> & { readonly name: string },
  path: ConfigPath,
  { registry, allowExperimental, problems, warnings }: EntriesOptions,
): PluginRow | undefined {
  const definition = registry.get(type);
  if (definition === undefined) {
    problems.add([...path, 'type'], missingType(type, registry));
    return undefined;
  }
  if (definition.stability === 'alpha' && !allowExperimental) {
    const message = `${type} is experimental; allow it with --allow-experimental-plugins`;
    problems.add([...path, 'type'], message);
  }
  if (definition.deprecated !== undefined) {
    warnings.add([...path, 'type'], `${type} is deprecated: ${definition.deprecated}`);
  }
  const field = { value, path: [...path, 'parameters'], problems };
  const parameters: unknown = parseField(definition.parameters, field);
  if (parameters === undefined) return undefined;
  warnOfFormerParameters(definition, field, warnings);
  const { points } = definition;
  return { name, type, origin: 'configured', points, parameters, definition, path };
}

function warnOfFormerParameters(
  { formerParameters = [] }: AnyPluginDefinition,
  { value, path }: { readonly value: unknown; readonly path: ConfigPath },
  warnings: ProblemList,
): void {
  for (const former of formerParameters) {
    const steps = former.path.split('.');
    const given = steps.reduce<unknown>(
      (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
      value,
    );
    if (given === undefined || given === null) continue;
    warnings.add([...path, ...steps], `${former.path} is deprecated: ${former.advice}`);
  }
}

/** Why a type cannot be used. */
export function missingType(type: string, registry: PluginRegistry): string {
  if (knownPluginTypes.has(type)) {
    return `${type} is known to llm-d-router v0.10.0, not available yet`;
  }
  const types = [...registry.definitions.map((definition) => definition.type), ...knownPluginTypes];
  return `unknown plugin type "${type}"${didYouMean(type, types)}`;
}

function nameOfBroken(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  if ('name' in entry && typeof entry.name === 'string') return entry.name;
  return 'type' in entry && typeof entry.type === 'string' ? entry.type : undefined;
}
