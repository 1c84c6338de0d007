// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type KubeObject, type ResourceType } from '@llm-d/crd-types';
import type { ObjectKey } from '../client/resource-path.ts';
import { isForSomebody } from '../reflector/reflector-state.ts';
import type { Informer } from '../informer/informer.ts';
import type { Change } from '../informer/object-store.ts';

/** Where a controller hears of work. Made by {@link sourceOf}. */
export interface Source {
  /** Resolves when everything there is can be read; rejects with `AbortedError`. */
  ready(signal: AbortSignal): Promise<void>;
  /** The keys of everything there is at this moment, some perhaps more than once. */
  keys(): Iterable<ObjectKey>;
  /** Says the keys of everything there is, before it returns, and then of what changes. Returns how to stop that. */
  subscribe(enqueue: (key: ObjectKey) => void): () => void;
}

export interface SourceOptions<T> {
  /** Which changes matter. Default: all, reminders included. */
  readonly when?: (change: Change<T>) => boolean;
  /**
   * Whether a controller does without the objects while their CustomResourceDefinition, or our permission, is missing; it
   * hears of them when that changes. Default false: it waits.
   */
  readonly optional?: boolean;
}

/** Says whom an object concerns. */
export type KeysOf<T> = (object: T) => Iterable<ObjectKey>;

/** Makes the objects of an informer work: `keysOf` says for whom. An object that changed concerns whom it did and whom it does. */
export function sourceOf<T extends KubeObject>(
  informer: Informer<T>,
  keysOf: KeysOf<T>,
  options: SourceOptions<T> = {},
): Source {
  const { when = () => true, optional = false } = options;
  return {
    ready: (signal) => (optional ? settled(informer, signal) : informer.whenSynced(signal)),
    *keys() {
      for (const object of informer.list()) {
        if (when({ kind: 'resync', object })) yield* keysOf(object);
      }
    },
    subscribe: (enqueue) =>
      informer.onChange((change) => {
        if (!when(change)) return;
        // A key that is said twice may be worked on in between, and then again.
        const keys = new Map<string, ObjectKey>();
        const note = (key: ObjectKey) => keys.set(`${key.namespace ?? ''}/${key.name}`, key);
        if (change.kind === 'updated') for (const key of keysOf(change.previous)) note(key);
        for (const key of keysOf(change.object)) note(key);
        keys.forEach(enqueue);
      }),
  };
}

/** Whether only a status or bookkeeping has changed is said by the generation, which stays. */
export const specChanged = <T extends KubeObject>(change: Change<T>): boolean =>
  change.kind !== 'updated' ||
  change.object.metadata.generation === undefined ||
  change.object.metadata.generation !== change.previous.metadata.generation ||
  isDying(change.object) !== isDying(change.previous) ||
  !isSame(change.object.metadata.labels, change.previous.metadata.labels) ||
  !isSame(change.object.metadata.annotations, change.previous.metadata.annotations);

/** The object itself. */
export const ownKey = ({ metadata }: KubeObject): ObjectKey[] => [keyOf(metadata)];

/** The objects of a type that own it: all that its owner references name, or its controller only. */
export function ownerKeys(
  type: ResourceType,
  { controllerOnly = false }: { readonly controllerOnly?: boolean } = {},
): KeysOf<KubeObject> {
  const group = type.group === '' ? '' : `${type.group}/`;
  return ({ metadata }) =>
    (metadata.ownerReferences ?? [])
      .filter(
        ({ apiVersion, kind, controller }) =>
          kind === type.kind &&
          // Another version of the same group is the same object.
          (group === '' ? apiVersion === apiVersionOf(type) : apiVersion.startsWith(group)) &&
          (!controllerOnly || controller === true),
      )
      .map(({ name }) => keyOf(type.namespaced ? { ...metadata, name } : { name }));
}

const keyOf = ({ name, namespace }: ObjectKey): ObjectKey =>
  namespace === undefined ? { name } : { namespace, name };

const isDying = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;

type Texts = Readonly<Record<string, string>>;

function isSame(a: Texts = {}, b: Texts = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Resolves when the objects are there, or are known not to be. */
async function settled<T extends KubeObject>(
  informer: Informer<T>,
  signal: AbortSignal,
): Promise<void> {
  const given = new AbortController();
  const isAbsent = (): boolean =>
    informer.state.kind === 'degraded' && isForSomebody(informer.state.reason);
  const absent = new Promise<void>((resolve) => {
    const look = (): void => {
      if (isAbsent()) resolve();
    };
    const stop = informer.onStateChange(look);
    given.signal.addEventListener('abort', stop, { once: true });
    look();
  });
  try {
    await Promise.race([absent, informer.whenSynced(AbortSignal.any([signal, given.signal]))]);
  } finally {
    given.abort();
  }
}
