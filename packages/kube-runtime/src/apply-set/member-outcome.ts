// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import { isDeepStrictEqual } from 'node:util';

/** What became of a member of an apply set; `changed` also where somebody else changed it in the same moment. */
export type MemberOutcome = 'created' | 'changed' | 'unchanged' | 'pruned';

/** Whether two states of an object say the same, apart from the server's own notes and from the status, which is not ours. */
export const isSameContent = (a: KubeObject, b: KubeObject): boolean =>
  isDeepStrictEqual(contentOf(a), contentOf(b));

function contentOf(object: KubeObject): object {
  const { status: _status, ...rest } = object as KubeObject & { readonly status?: unknown };
  const {
    managedFields: _,
    resourceVersion: _version,
    generation: _generation,
    ...metadata
  } = object.metadata;
  return { ...rest, metadata };
}
