// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ResourceType } from '@llm-d/crd-types';
import type { KubeClient, Selection } from '../client/client.ts';
import type { WatchEvent } from '../client/watch.ts';
import { isExpired, KubeApiError, KubeProtocolError } from '../errors.ts';

/** All objects of a collection at one version. */
export interface Snapshot<T> {
  readonly objects: readonly T[];
  readonly resourceVersion: string;
}

/** What is listed. */
export interface SnapshotQuery<T extends KubeObject> extends Selection {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  readonly signal: AbortSignal;
}

/**
 * Reads a collection in pages. When the version of the pages expires on the way, once more and all at once, which needs no
 * history.
 */
export async function listAll<T extends KubeObject>(
  query: SnapshotQuery<T>,
  pageSize: number,
): Promise<Snapshot<T>> {
  const { client, type, ...selection } = query;
  const objects: T[] = [];
  let from: string | undefined;
  for (;;) {
    const part = { ...selection, limit: pageSize, ...(from !== undefined && { continue: from }) };
    try {
      const page = await client.list(type, part);
      objects.push(...page.items);
      from = page.continue;
      if (from === undefined) return { objects, resourceVersion: page.resourceVersion };
    } catch (error) {
      if (from === undefined || !isExpired(error)) throw error;
      const { items, resourceVersion } = await client.list(type, selection);
      return { objects: items, resourceVersion };
    }
  }
}

/** Whether a server refuses to stream lists: old ones do not know the parameters. */
export const refusesStreaming = (error: unknown): boolean =>
  error instanceof KubeApiError && (error.status === 400 || error.status === 422);

/** Reads the first part of a watch with `sendInitialEvents`: everything there is. */
export async function readInitialEvents<T extends KubeObject>(
  events: AsyncIterator<WatchEvent<T>>,
): Promise<Snapshot<T>> {
  const objects: T[] = [];
  for (;;) {
    const next = await events.next();
    if (next.done === true) {
      throw new KubeProtocolError('WATCH', 'ended before it had streamed the list');
    }
    const event = next.value;
    if (event.type === 'ADDED') objects.push(event.object);
    else if (event.type === 'BOOKMARK' && event.initialEventsEnd) {
      return { objects, resourceVersion: event.resourceVersion };
    }
  }
}
