// SPDX-License-Identifier: Apache-2.0
import { parseTarget, type Target } from './target.ts';

/** What the endpoint picker says about a request. */
export interface RoutingHeaders {
  /** Prefillers in the order in which they are to be tried, each once. */
  readonly prefillers: readonly Target[];
  /** Values that name no server. */
  readonly malformed: readonly string[];
  /** Who holds the most of the prompt's cache. A malformed one is left out, as llm-d does. */
  readonly kvCacheSource: Target | undefined;
  /** The data-parallel rank's address, in deployments that let rank 0 forward. */
  readonly dataParallel: string | undefined;
}

const PREFILLER = ['x-prefiller-host-port', 'x-llm-d-prefiller-host-port'];
const ENCODER = ['x-encoder-hosts-ports', 'x-llm-d-encoder-hosts-ports'];
const KV_CACHE_SOURCE = ['x-kv-cache-source-host-port', 'x-llm-d-kv-cache-source-host-port'];
const DATA_PARALLEL = ['x-data-parallel-host-port'];

/** Names that are read here and reach no engine. */
export const routingHeaderNames: ReadonlySet<string> = new Set([
  ...PREFILLER,
  ...ENCODER,
  ...KV_CACHE_SOURCE,
  ...DATA_PARALLEL,
]);

/** Reads a request's head: name and value in turn, as Node has it in `rawHeaders`. */
export function readRoutingHeaders(rawHeaders: readonly string[]): RoutingHeaders {
  const named = valuesOf(rawHeaders, PREFILLER).map((text) => ({
    text,
    target: parseTarget(text),
  }));
  const prefillers = new Map<string, Target>();
  for (const { target } of named) {
    if (target !== undefined && !prefillers.has(target.hostPort))
      prefillers.set(target.hostPort, target);
  }
  const [source] = valuesOf(rawHeaders, KV_CACHE_SOURCE);
  const [dataParallel] = valuesOf(rawHeaders, DATA_PARALLEL);
  return {
    prefillers: [...prefillers.values()],
    malformed: named.filter(({ target }) => target === undefined).map(({ text }) => text),
    kvCacheSource: source === undefined ? undefined : parseTarget(source),
    dataParallel,
  };
}

function valuesOf(rawHeaders: readonly string[], names: readonly string[]): readonly string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    // Lower case costs an allocation, and few headers begin like ours.
    if (name.charCodeAt(0) !== 0x78 && name.charCodeAt(0) !== 0x58) continue;
    if (!names.includes(name.toLowerCase())) continue;
    for (const part of (rawHeaders[at + 1] ?? '').split(',')) {
      if (part.trim() !== '') values.push(part.trim());
    }
  }
  return values;
}
