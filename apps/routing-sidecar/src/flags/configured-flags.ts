// SPDX-License-Identifier: Apache-2.0
import { FlagError } from '@llm-d/app-process/flags';
import { parse, YAMLParseError } from 'yaml';

/**
 * The arguments that a configuration stands for: YAML or JSON with flags by their names, without those in `given`. Throws
 * FlagError, naming `source`.
 */
export function configuredArgs(
  configuration: string,
  { source, given }: { readonly source: string; readonly given: ReadonlySet<string> },
): readonly string[] {
  return Object.entries(readDocument(configuration, source))
    .filter(([name, value]) => !given.has(name) && value !== null)
    .map(([name, value]) => `--${name}=${textOf(value, `${source}: ${name}`)}`);
}

function readDocument(configuration: string, source: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = parse(configuration);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new FlagError(`${source}: ${error.message}`, { cause: error });
  }
  if (document === null) return {};
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new FlagError(`${source}: expected flags by their names`);
  }
  return { ...document };
}

function textOf(value: unknown, where: string): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return String(value);
    default:
      if (Array.isArray(value)) return value.map((item) => textOf(item, where)).join(',');
      throw new FlagError(`${where}: expected a value or a list of values`);
  }
}
