// SPDX-License-Identifier: Apache-2.0
import type { AnyPluginDefinition, ExtensionPoint } from '../plugin-definition.ts';
import type { PluginRegistry } from '../plugin-registry.ts';
import { didYouMean } from './closest-name.ts';
import type { ConfigPath, ProblemList } from './problem-list.ts';
import type { ResolvedPlugin } from './resolved-config.ts';

/** An instance with its type and where it is configured. */
export interface PluginRow extends ResolvedPlugin {
  readonly definition: AnyPluginDefinition;
  /** Where problems of this instance are reported. */
  readonly path: ConfigPath;
}

/** The plugin instances of one configuration by name, while it is being resolved. */
export class PluginTable {
  readonly #registry: PluginRegistry;
  readonly #problems: ProblemList;
  readonly #rows = new Map<string, PluginRow>();
  /** Names whose entry is wrong: what refers to them is not reported again. */
  readonly #refused = new Set<string>();

  constructor(registry: PluginRegistry, problems: ProblemList) {
    this.#registry = registry;
    this.#problems = problems;
  }

  /** All instances, in the order of their addition. */
  get rows(): readonly PluginRow[] {
    return [...this.#rows.values()];
  }

  get(name: string): PluginRow | undefined {
    return this.#rows.get(name);
  }

  has(name: string): boolean {
    return this.#rows.has(name) || this.#refused.has(name);
  }

  isRefused(name: string): boolean {
    return this.#refused.has(name);
  }

  add(row: PluginRow): void {
    this.#rows.set(row.name, row);
  }

  /** Notes that an entry of this name exists but cannot be used. */
  refuse(name: string): void {
    this.#refused.add(name);
  }

  withPoint(point: ExtensionPoint): readonly PluginRow[] {
    return this.rows.filter(({ points }) => points.includes(point));
  }

  /**
   * The instance that a field refers to. Reports a name that nobody has and an instance that does not
   * serve `point`; undefined then.
   */
  refer(name: string, path: ConfigPath, point?: ExtensionPoint): PluginRow | undefined {
    const row = this.#rows.get(name);
    if (row === undefined) {
      if (this.#refused.has(name)) return undefined;
      this.#problems.add(
        path,
        `no plugin is called "${name}"${didYouMean(name, [...this.#rows.keys()])}`,
      );
      return undefined;
    }
    if (point === undefined || row.points.includes(point)) return row;
    this.#problems.add(path, `"${name}" (${row.type}) is not a ${point}`);
    return undefined;
  }

  /**
   * The instance called like its type, created with default parameters where there is none. Undefined
   * where the registry lacks the type or the name is taken by another one, which is reported.
   */
  ensure(type: string, origin: ResolvedPlugin['origin'] = 'default'): PluginRow | undefined {
    const row = this.#rows.get(type);
    if (row?.type === type) return row;
    const definition = this.#registry.get(type);
    if (definition === undefined) return undefined;
    if (row !== undefined || this.#refused.has(type)) {
      if (row)
        this.#problems.add(row.path, `the name "${type}" is needed for a plugin of that type`);
      return undefined;
    }
    const created: PluginRow = {
      name: type,
      type,
      origin,
      points: definition.points,
      parameters: definition.parameters.parse({}),
      definition,
      path: ['plugins'],
    };
    this.add(created);
    return created;
  }
}
