// SPDX-License-Identifier: Apache-2.0
import type { Attribute } from '../attribute.ts';
import { namesReferred } from '../plugin-definition.ts';
import type { PluginRegistry } from '../plugin-registry.ts';
import { didYouMean } from './closest-name.ts';
import { knownPluginTypes } from './known-plugins.ts';
import { missingType } from './plugin-entries.ts';
import type { PluginRow, PluginTable } from './plugin-table.ts';
import type { ProblemList } from './problem-list.ts';
import { topologicalOrder } from './topological-order.ts';

interface DependencyOptions {
  readonly table: PluginTable;
  readonly registry: PluginRegistry;
  readonly problems: ProblemList;
  readonly warnings: ProblemList;
}

/**
 * Makes sure that every attribute a plugin reads has a producer, creating default producers and what
 * those read in turn, and gives the producers in the order in which they must run.
 */
export function resolveDataDependencies(options: DependencyOptions): readonly string[] {
  const { table, problems } = options;
  const visited = new Set<string>();
  for (let next = table.rows; next.length > 0;) {
    for (const row of next) {
      visited.add(row.name);
      for (const attribute of consumedBy(row)) checkProducer(attribute, row, options);
      for (const attribute of optionalFor(row)) checkOptional(attribute, row, options);
    }
    next = table.rows.filter(({ name }) => !visited.has(name));
  }
  const producers = table.withPoint('data-producer').map(({ name }) => name);
  const order = topologicalOrder(producers, (name) => {
    const row = table.get(name);
    if (row === undefined) return [];
    return [...consumedBy(row), ...optionalFor(row)].map(
      (attribute) => producerOf(attribute, table)?.name ?? attribute.producer,
    );
  });
  if (order.kind === 'ordered') return order.names;
  problems.add(
    table.get(order.names[0] ?? '')?.path ?? ['plugins'],
    `data producers wait for each other: ${order.names.join(' reads ')}`,
  );
  return [];
}

/** Reports plugins that refer to each other in a circle. */
export function checkReferenceCycles(table: PluginTable, problems: ProblemList): void {
  const order = topologicalOrder(
    table.rows.map(({ name }) => name),
    (name) => {
      const row = table.get(name);
      return row === undefined ? [] : namesReferred(row.definition, row.parameters);
    },
  );
  if (order.kind === 'ordered') return;
  problems.add(
    table.get(order.names[0] ?? '')?.path ?? ['plugins'],
    `plugins refer to each other: ${order.names.join(' refers to ')}`,
  );
}

const consumedBy = (row: PluginRow): readonly Attribute<unknown>[] =>
  row.definition.consumes?.(row.parameters) ?? [];

const optionalFor = (row: PluginRow): readonly Attribute<unknown>[] =>
  row.definition.mayConsume?.(row.parameters) ?? [];

function checkOptional(
  attribute: Attribute<unknown>,
  reader: PluginRow,
  options: DependencyOptions,
): void {
  const { table, warnings } = options;
  const { name, producer } = attribute;
  if (table.isRefused(producer)) return;
  if ((producerOf(attribute, table) ?? createProducer(producer, options)) !== undefined) {
    checkProducer(attribute, reader, options);
    return;
  }
  const message = `"${reader.name}" goes without ${name} of ${lacking(producer, options)}`;
  warnings.add(reader.path, message);
}

function checkProducer(
  attribute: Attribute<unknown>,
  reader: PluginRow,
  options: DependencyOptions,
): void {
  const { table, problems } = options;
  const { name, producer } = attribute;
  if (table.isRefused(producer)) return;
  const row = producerOf(attribute, table) ?? createProducer(producer, options);
  if (row === undefined) {
    problems.add(reader.path, `"${reader.name}" reads ${name} of ${lacking(producer, options)}`);
  } else if (!produces(row, attribute)) {
    problems.add(
      reader.path,
      `"${reader.name}" reads ${name} of "${producer}" (${row.type}), which does not produce it`,
    );
  }
}

function createProducer(
  type: string,
  { table, registry }: DependencyOptions,
): PluginRow | undefined {
  return registry.get(type)?.isDefaultProducer === true
    ? table.ensure(type, 'auto-created producer')
    : undefined;
}

/** The instance of that name, or another one that produces the attribute in its place. */
const producerOf = (attribute: Attribute<unknown>, table: PluginTable): PluginRow | undefined =>
  table.get(attribute.producer) ?? table.rows.find((row) => produces(row, attribute));

const produces = (
  { definition, parameters, name }: PluginRow,
  attribute: Attribute<unknown>,
): boolean =>
  (definition.produces?.(parameters, name) ?? []).some(
    (produced) => produced.name === attribute.name && produced.producer === attribute.producer,
  );

function lacking(producer: string, { table, registry }: DependencyOptions): string {
  const hint =
    knownPluginTypes.has(producer) && registry.get(producer) === undefined
      ? `; ${missingType(producer, registry)}`
      : didYouMean(
          producer,
          table.withPoint('data-producer').map(({ name }) => name),
        );
  return `"${producer}", which is not configured${hint}`;
}
