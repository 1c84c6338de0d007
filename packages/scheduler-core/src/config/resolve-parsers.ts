// SPDX-License-Identifier: Apache-2.0
import type { PluginTable } from './plugin-table.ts';
import type { ProblemList } from './problem-list.ts';
import type { ConfigSections } from './read-sections.ts';

const DEFAULT_PARSERS = [
  'openai-parser',
  'anthropic-parser',
  'vllmhttp-parser',
  'passthrough-parser',
];

/** Settles the request parsers, in the order in which they claim paths. */
export function resolveParsers(
  { requestHandler, parser }: Pick<ConfigSections, 'requestHandler' | 'parser'>,
  { table, warnings }: { readonly table: PluginTable; readonly warnings: ProblemList },
): string[] {
  const named = (requestHandler?.parsers ?? []).map(({ pluginRef }, i) => ({
    pluginRef,
    path: ['requestHandler', 'parsers', i, 'pluginRef'],
  }));
  if (parser !== undefined) {
    const effect = named.length > 0 ? '; ignored beside requestHandler.parsers' : '';
    warnings.add(['parser'], `deprecated: list it under requestHandler.parsers${effect}`);
    if (named.length === 0) named.push({ ...parser, path: ['parser', 'pluginRef'] });
  }
  if (named.length > 0) {
    return named.flatMap(
      ({ pluginRef, path }) => table.refer(pluginRef, path, 'parser')?.name ?? [],
    );
  }
  return DEFAULT_PARSERS.flatMap((type) => table.ensure(type)?.name ?? []);
}
