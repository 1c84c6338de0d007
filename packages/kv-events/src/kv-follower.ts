// SPDX-License-Identifier: Apache-2.0
import type { KvBlockIndex } from '@llm-d/kv-index';
import type { KvBusReader } from './kv-bus.ts';
import type { KvFreshness, KvSourceFreshness } from './kv-freshness.ts';

/**
 * Keeps an index equal to what messages tell: passes over what it has seen, counts what is missing, forgets what cannot
 * be trusted, and says at any time how fresh the index is.
 */
export interface KvFollower extends KvBusReader, Disposable {
  readonly index: KvBlockIndex;
  freshness(): KvFreshness;
  /** Of every source, by pod and rank. */
  sources(): readonly KvSourceFreshness[];
}
