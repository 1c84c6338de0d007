// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ResourceType } from '@llm-d/crd-types';
import type { CallOptions, KubeClient } from '../client/client.ts';
import { ApplySetRefusedError } from './apply-set-errors.ts';
import { applySetKeys, readKinds, writeKinds } from './apply-set-id.ts';

export interface ParentRecordOptions {
  readonly client: KubeClient;
  readonly parent: { readonly type: ResourceType; readonly object: KubeObject };
  readonly fieldManager: string;
  readonly tooling: string;
}

/** What the parent of a set says about it. */
export interface ParentState {
  readonly kinds: ReadonlySet<string>;
  /** Whether the parent says all of that as we would. */
  readonly isOurs: boolean;
  readonly text: string | undefined;
}

/** The labels and annotations of a parent. */
export interface ParentRecord {
  /** Reads them from the server. Refuses a set that another program manages, and a parent that is another object. */
  read(call: CallOptions): Promise<ParentState>;
  /** Makes the parent say these kinds; resolves with what it says then. Writes nothing where it does. Never creates it. */
  write(known: ParentState, kinds: Iterable<string>, call: CallOptions): Promise<ParentState>;
}

export function createParentRecord(options: ParentRecordOptions, id: string): ParentRecord {
  const { client, parent, fieldManager, tooling } = options;
  const { name, namespace, uid } = parent.object.metadata;
  const key = { name, ...(namespace !== undefined && { namespace }) };
  return {
    read: async (call) => {
      const { metadata } = await client.get(parent.type, key, call);
      if (metadata.uid !== uid) {
        throw new ApplySetRefusedError(`${parent.type.kind} ${name} is another object by now`);
      }
      const said = metadata.annotations?.[applySetKeys.tooling];
      if (said !== undefined && programOf(said) !== programOf(tooling)) {
        throw new ApplySetRefusedError(`the apply set of ${name} is managed by ${said}`);
      }
      const text = metadata.annotations?.[applySetKeys.kinds];
      const isOurs = said === tooling && metadata.labels?.[applySetKeys.id] === id;
      return { kinds: readKinds(text), isOurs, text };
    },
    write: async (known, kinds, call) => {
      const text = writeKinds(kinds);
      if (known.isOurs && known.text === text) return known;
      const metadata = {
        ...key,
        // With its uid, a parent that has gone meanwhile is not created again.
        ...(uid !== undefined && { uid }),
        labels: { [applySetKeys.id]: id },
        annotations: { [applySetKeys.tooling]: tooling, [applySetKeys.kinds]: text },
      };
      const manager = `${fieldManager}-applyset`;
      await client.apply(
        parent.type,
        { metadata },
        { ...call, fieldManager: manager, force: true },
      );
      return { kinds: readKinds(text), isOurs: true, text };
    },
  };
}

/** The name without the version. */
const programOf = (tooling: string): string => tooling.slice(0, tooling.lastIndexOf('/'));
