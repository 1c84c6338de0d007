// docs/compatibility.md: what llm-d-router v0.10.0 offers, row by row, held against what the code here says of itself.
import { knownPluginTypes, type PluginRegistry } from '@llm-d/scheduler-core';
import type { MetricDefinition } from '@llm-d/telemetry';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { kvWire } from './kv-wire.ts';
import { flags, headers, metrics } from './upstream.ts';

export interface CompatibilitySources {
  readonly registry: PluginRegistry;
  readonly metrics: readonly MetricDefinition[];
  /** What the endpoint picker says with `--help`. */
  readonly help: string;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``);
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The sections of the page, its title excluded. */
export function compatibilitySections(sources: CompatibilitySources): readonly string[] {
  const differences = readFileSync(resolve(import.meta.dirname, 'differences.md'), 'utf8').trim();
  return [
    'The surface of llm-d-router v0.10.0, row by row, and what becomes of it here. Plugins, flags and metrics are read from the code.',
    differences,
    '## Headers and metadata',
    headerTable(),
    '## Plugin types',
    pluginTable(sources.registry),
    '## KV events and the index',
    kvTable(),
    '## Flags of the endpoint picker',
    flagTable(sources.help),
    '## Metrics',
    metricTable(sources.metrics),
  ];
}

function headerTable(): string {
  const rows = headers.map(({ purpose, keys, here }) => [
    purpose,
    keys.map(code).join('<br>'),
    cell(here),
  ]);
  return table(['purpose', 'keys', 'here'], rows);
}

function kvTable(): string {
  const rows = kvWire.map(({ what, here, tests }) => [
    cell(what),
    cell(here),
    tests.map(({ file, name }) => `[${cell(name)}](../${file})`).join('<br>'),
  ]);
  return table(['what', 'here', 'tests'], rows);
}

function pluginTable(registry: PluginRegistry): string {
  const rows = [...knownPluginTypes].map((type) => {
    const definition = registry.get(type);
    if (definition === undefined) return [code(type), 'no', 'refused by name'];
    const { stability, deprecated } = definition;
    const notes = [stability, ...(deprecated === undefined ? [] : ['deprecated'])];
    return [code(type), 'yes', notes.join(', ')];
  });
  const there = rows.filter(([, yes]) => yes === 'yes').length;
  return `${there} of ${rows.length} types are there. A type that is not is refused by name, never ignored.\n\n${table(['type', 'there', ''], rows)}`;
}

function flagTable(help: string): string {
  const own = flagsIn(help);
  const rows = Object.entries(flags).map(([name, value]) => {
    const meaning = own.get(name);
    const shown = name.length === 1 ? `-${name}` : `--${name}`;
    return [code(shown), code(value), meaning === undefined ? '**not there**' : cell(meaning)];
  });
  const more = [...own.keys()].filter((name) => !(name in flags)).map((name) => code(`--${name}`));
  return `${table(['flag', "llm-d's default", 'here'], rows)}\n\nFlags that llm-d does not have: ${more.join(', ')}.`;
}

/** Flags with their meaning, out of a help text that has each on a line of its own and its meaning below. */
function flagsIn(help: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let name: string | undefined;
  for (const line of help.split('\n')) {
    const flag = /^ {2}--?([\w-]+)/.exec(line)?.[1];
    if (flag !== undefined) {
      name = flag;
      found.set(flag, '');
    } else if (name !== undefined && line.startsWith('      ')) {
      found.set(name, `${found.get(name) ?? ''} ${line.trim()}`.trim());
    }
  }
  return found;
}

function metricTable(definitions: readonly MetricDefinition[]): string {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const rows = metrics.map((name) => {
    const definition = byName.get(name);
    if (definition === undefined) return [code(name), '**not there**', ''];
    const twins = definition.legacyTwins?.map((twin) => code(twin.name)).join(', ') ?? '';
    return [code(name), definition.labels.map(code).join(', ') || '–', twins];
  });
  return table(['metric', 'labels', 'former names'], rows);
}
