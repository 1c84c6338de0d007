// SPDX-License-Identifier: Apache-2.0
import type { KvEvent, KvRemovedEvent, KvStoredEvent } from './kv-event.ts';

/** SGLang puts at most this many blocks into an event. */
const MAX_HASHES = 64;

/** What vLLM calls otherwise. */
const MEDIA: ReadonlyMap<string, string> = new Map([
  ['CPU', 'CPU_PINNED'],
  ['FS', 'DISK'],
  ['SHARED_STORAGE', 'EXTERNAL'],
  ['STORAGE', 'EXTERNAL'],
]);

/** The events as SGLang cuts them: long stores in parts, removals that follow each other together, its words for media. */
export function inSglangEvents(events: readonly KvEvent[]): KvEvent[] {
  const result: KvEvent[] = [];
  let removals: KvRemovedEvent[] = [];
  const flush = (): void => {
    result.push(...joined(removals));
    removals = [];
  };
  for (const event of events) {
    if (event.kind === 'removed' && (removals[0]?.medium ?? event.medium) === event.medium) {
      removals.push(event);
      continue;
    }
    flush();
    if (event.kind === 'removed') removals.push(event);
    else if (event.kind === 'stored') result.push(...parts(event));
    else result.push(event);
  }
  flush();
  return result;
}

function parts(event: KvStoredEvent): KvStoredEvent[] {
  const { hashes, tokens, blockSizeTokens } = event;
  const medium = mediumOf(event.medium);
  const events: KvStoredEvent[] = [];
  for (let at = 0; at < hashes.length; at += 2 * MAX_HASHES) {
    const tokensFrom = (at / 2) * blockSizeTokens;
    events.push({
      ...event,
      medium,
      hashes: hashes.slice(at, at + 2 * MAX_HASHES),
      parent: at === 0 ? event.parent : [hashes[at - 2] ?? 0, hashes[at - 1] ?? 0],
      tokens: tokens.subarray(tokensFrom, tokensFrom + MAX_HASHES * blockSizeTokens),
    });
  }
  return events;
}

function joined(removals: readonly KvRemovedEvent[]): KvRemovedEvent[] {
  const [first] = removals;
  if (first === undefined) return [];
  const medium = mediumOf(first.medium);
  const all = removals.flatMap(({ hashes }) => [...hashes]);
  const events: KvRemovedEvent[] = [];
  for (let at = 0; at < all.length; at += 2 * MAX_HASHES) {
    events.push({ kind: 'removed', hashes: all.slice(at, at + 2 * MAX_HASHES), medium });
  }
  return events;
}

const mediumOf = (medium: string): string => MEDIA.get(medium) ?? medium;
