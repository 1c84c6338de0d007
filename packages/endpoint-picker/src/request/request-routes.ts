// SPDX-License-Identifier: Apache-2.0
import { apis, type ApiKind } from '@llm-d/inference-api';

/** How the body of a request is read. */
export type RequestRoute =
  | {
      readonly kind: 'api';
      readonly api: ApiKind;
      /** Whether requests name a model, which may be rewritten; others pass with whatever they say. */
      readonly hasModel: boolean;
      /** Whether answers are nobody's business: they take no tokens. */
      readonly skipsAnswer: boolean;
    }
  /** Nobody reads it. */
  | { readonly kind: 'passthrough' }
  /** No parser of the configuration takes the path. */
  | { readonly kind: 'none' };

/** APIs that each type of parser understands. */
const APIS_OF_PARSER: Readonly<Record<string, readonly ApiKind[]>> = {
  'openai-parser': ['chat-completions', 'completions', 'embeddings', 'responses'],
  'anthropic-parser': ['messages', 'count-tokens'],
  'vllmhttp-parser': ['vllm-generate'],
  'sglanghttp-parser': ['sglang-generate'],
};

/**
 * Finds how a request is read by its path, with or without a query: by the parser with the longest suffix that the path
 * ends with, else by a parser for everything, if the configuration has one. `parsers` are types in configured order; what
 * stands behind one for everything is never asked, as in llm-d.
 */
export function createRequestRoutes(parsers: readonly string[]): (path: string) => RequestRoute {
  const fallback = parsers.indexOf('passthrough-parser');
  const asked = fallback < 0 ? parsers : parsers.slice(0, fallback);
  const claims = asked
    .flatMap((type) => APIS_OF_PARSER[type] ?? [])
    .flatMap((api) => apis[api].pathSuffixes.map((suffix) => ({ suffix, route: routeTo(api) })))
    .sort((a, b) => b.suffix.length - a.suffix.length);
  const otherwise: RequestRoute = { kind: fallback < 0 ? 'none' : 'passthrough' };
  return (path) => {
    const query = path.indexOf('?');
    const bare = query < 0 ? path : path.slice(0, query);
    return claims.find(({ suffix }) => bare.endsWith(suffix))?.route ?? otherwise;
  };
}

const routeTo = (api: ApiKind): RequestRoute => ({
  kind: 'api',
  api,
  hasModel: api !== 'count-tokens',
  skipsAnswer: api === 'count-tokens',
});
