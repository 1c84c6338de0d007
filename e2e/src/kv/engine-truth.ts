// SPDX-License-Identifier: Apache-2.0
import { tierOf } from '@llm-d/kv-index';
import { post } from '../stack.ts';
import type { KvEngine } from './kv-engine.ts';
import type { Prompt } from './prompts.ts';

/** Blocks by tier; without tiers that have none. */
export type BlocksByTier = Readonly<Record<string, number>>;

/** What an engine holds, by its own word. */
export interface EngineTruth {
  readonly pod: string;
  /** Times that its publisher has begun anew within its process, and the last batch it made; -1 before the first. */
  readonly lives: number;
  readonly sequence: number;
  /** All its blocks. */
  readonly blocks: BlocksByTier;
}

interface CacheReport {
  readonly tiers: readonly { readonly medium: string; readonly blocks: number }[];
  readonly events: { readonly lives: number; readonly next_sequence: number };
}

interface PrefixReport {
  readonly by_medium: Readonly<Record<string, number>>;
}

const byTier = (entries: readonly (readonly [medium: string, blocks: number])[]): BlocksByTier =>
  Object.fromEntries(
    entries
      .filter(([, blocks]) => blocks > 0)
      .map(([medium, blocks]) => [tierOf(medium), blocks] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/** Asks an engine what it holds. */
export async function truthOf({ url, pod }: KvEngine): Promise<EngineTruth> {
  // What the simulator is documented to answer.
  const { tiers, events } = (await (await fetch(`${url}/debug/kv-cache`)).json()) as CacheReport;
  return {
    ...{ pod, lives: events.lives, sequence: events.next_sequence - 1 },
    blocks: byTier(tiers.map(({ medium, blocks }) => [medium, blocks])),
  };
}

/** Asks an engine how many leading blocks of a prompt it holds where. */
export async function heldPrefix(
  { url, model }: KvEngine,
  { messages }: Prompt,
): Promise<BlocksByTier> {
  const answer = await post(`${url}/debug/kv-cache`, { model, messages });
  return byTier(Object.entries(((await answer.json()) as PrefixReport).by_medium));
}
