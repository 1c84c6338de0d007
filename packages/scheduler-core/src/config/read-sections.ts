// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { didYouMean } from './closest-name.ts';
import { configSections } from './config-schema.ts';
import type { ProblemList } from './problem-list.ts';
import { parseField } from './schema-problems.ts';

type SectionName = keyof typeof configSections;

/** The sections of a configuration; undefined where one is refused, or absent without a default. */
export type ConfigSections = {
  readonly [N in SectionName]: z.output<(typeof configSections)[N]> | undefined;
};

/** Checks each section by its own schema and that there is no other one. */
export function readSections(value: unknown, problems: ProblemList): ConfigSections {
  const root = z.record(z.string(), z.unknown());
  const fields = parseField(root, { value: dropNulls(value), path: [], problems }) ?? {};
  const known = Object.keys(configSections);
  for (const name of Object.keys(fields)) {
    if (!known.includes(name)) problems.add([name], `unknown field${didYouMean(name, known)}`);
  }
  const sections = Object.entries(configSections).map(([name, schema]: [string, z.ZodType]) => [
    name,
    parseField(schema, { value: fields[name], path: [name], problems }),
  ]);
  // Each value passed the schema of its own name.
  return Object.fromEntries(sections) as ConfigSections;
}

/** Go's decoder takes a null for an absent field. */
function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([key, field]) => [key, dropNulls(field)]),
  );
}
