// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type KubeObject, type ResourceType } from '@llm-d/crd-types';
import { expired } from './refusal.ts';
import type { Route } from './routing.ts';

interface Remaining {
  readonly objects: readonly KubeObject[];
  readonly version: number;
}

/** Lists in pages that are all of one version, and forgets them when told to. */
export interface Listing {
  page(context: {
    readonly type: ResourceType;
    readonly route: Route;
    readonly version: number;
    readonly read: () => readonly KubeObject[];
  }): object;
  /** No page that was begun can be continued. */
  forget(): void;
}

export function createListing(): Listing {
  const remaining = new Map<string, Remaining>();
  let tokens = 0;
  return {
    page: ({ type, route, version, read }) => {
      const token = route.query.get('continue');
      const from = token === null ? { objects: read(), version } : remaining.get(token);
      if (from === undefined) throw expired();
      const limit = Number(route.query.get('limit') ?? 0) || Infinity;
      const rest = from.objects.slice(limit);
      const next = rest.length > 0 ? `page-${++tokens}` : undefined;
      if (next !== undefined) remaining.set(next, { objects: rest, version: from.version });
      return {
        apiVersion: apiVersionOf(type),
        kind: `${type.kind}List`,
        metadata: {
          resourceVersion: String(from.version),
          ...(next !== undefined && { continue: next }),
        },
        items: from.objects.slice(0, limit),
      };
    },
    forget: () => {
      remaining.clear();
    },
  };
}
