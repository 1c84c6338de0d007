// SPDX-License-Identifier: Apache-2.0
import type { KvFreshness, KvSourceFreshness } from '@llm-d/kv-events';
import type { KvMatches } from '@llm-d/kv-index';
import { post } from '../stack.ts';
import type { BlocksByTier } from './engine-truth.ts';
import type { Prompt } from './prompts.ts';

/** What an indexer says of its knowledge. */
export interface Claims {
  readonly freshness: KvFreshness;
  readonly sources: readonly KvSourceFreshness[];
}

/** What an indexer says of one pod. */
export interface PodView {
  /** Copies of blocks, as `/workers` counts them. */
  copies: number;
  /** Blocks by tier, as `/dump` lists them. */
  blocks: BlocksByTier;
}

/** Leading blocks of a prompt that a pod has, and the same weighted by their tiers. */
export interface PrefixView {
  readonly blocks: number;
  readonly score: number;
}

/** An indexer that is not ready, or refuses. */
export class IndexerAnswerError extends Error {
  readonly code = 'INDEXER_ANSWER';
  constructor(route: string, status: number, text: string) {
    super(`${route}: ${status} ${text.slice(0, 200)}`);
    this.name = 'IndexerAnswerError';
  }
}

async function textOf(route: string, answer: Response): Promise<string> {
  const text = await answer.text();
  if (answer.status !== 200) throw new IndexerAnswerError(route, answer.status, text);
  return text;
}

const get = async (url: string, route: string): Promise<string> =>
  textOf(route, await fetch(url + route));

/** How well it knows its sources. */
export async function claimsOf(url: string): Promise<Claims> {
  return JSON.parse(await get(url, '/debug/sources')) as Claims;
}

/** What it has of every pod. */
export async function podsOf(url: string): Promise<ReadonlyMap<string, PodView>> {
  const [workers, dump] = await Promise.all([
    get(url, '/workers'),
    get(url, '/dump?limit=1000000'),
  ]);
  const tiers = tiersOf(dump);
  const pods = JSON.parse(workers) as readonly {
    readonly instance_id: string;
    readonly dp_ranks: Readonly<Record<string, { readonly tree_size: number }>>;
  }[];
  return new Map(
    pods.map(({ instance_id: pod, dp_ranks: ranks }) => [
      pod,
      { copies: ranks['0']?.tree_size ?? 0, blocks: tiers.get(pod) ?? {} },
    ]),
  );
}

/** Blocks by tier of every pod in the lines of a dump. */
function tiersOf(dump: string): Map<string, Record<string, number>> {
  const pods = new Map<string, Record<string, number>>();
  for (const line of dump.trimEnd().split('\n')) {
    const { owners = [] } = JSON.parse(line) as {
      readonly owners?: readonly { readonly pod: string; readonly tier: string }[];
    };
    for (const { pod, tier } of owners) {
      const tiers = pods.get(pod) ?? {};
      tiers[tier] = (tiers[tier] ?? 0) + 1;
      pods.set(pod, tiers);
    }
  }
  return pods;
}

/** Who has how much of a prompt, by pod. */
export async function prefixesOf(
  url: string,
  model: string,
  { tokens }: Prompt,
): Promise<ReadonlyMap<string, PrefixView>> {
  const body = { model, token_ids: tokens };
  const [query, score] = await Promise.all(
    ['/query', '/score_completions'].map(async (route) =>
      textOf(route, await post(url + route, body)),
    ),
  );
  const { scores } = JSON.parse(query ?? '{}') as {
    readonly scores: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  const weighted = JSON.parse(score ?? '{}') as Readonly<Record<string, number>>;
  return new Map(
    Object.entries(scores).map(([pod, ranks]) => [
      pod,
      { blocks: ranks['0'] ?? 0, score: weighted[pod] ?? 0 },
    ]),
  );
}

/** How well Redis follows it; undefined where there is none. */
export async function mirrorOf(
  url: string,
): Promise<{ readonly state: string; readonly pendingRows: number } | undefined> {
  const status = JSON.parse(await get(url, '/debug/status')) as {
    readonly redis?: { readonly state: string; readonly pendingRows: number };
  };
  return status.redis;
}

/** The place on the bus up to which it has read; 0 before the first message. */
export async function positionOf(url: string): Promise<number> {
  const { position } = JSON.parse(await get(url, '/debug/status')) as {
    readonly position?: number;
  };
  return position ?? 0;
}

/** Who has how much of a chain of request keys, whatever the model. */
export async function holdersOf(url: string, keys: Uint32Array): Promise<KvMatches> {
  const block_hashes = Array.from({ length: keys.length / 2 }, (_, i) =>
    ((BigInt(keys[2 * i + 1] ?? 0) << 32n) | BigInt(keys[2 * i] ?? 0)).toString(),
  );
  const answer = await post(`${url}/query_by_hash`, { block_hashes });
  const { scores } = JSON.parse(await textOf('/query_by_hash', answer)) as {
    readonly scores: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  const holders = Object.entries(scores).flatMap(([pod, ranks]) =>
    Object.entries(ranks).map(([rank, blocks]) => ({
      ...{ pod, dpRank: Number(rank), model: '', blocks, weightedBlocks: blocks, byTier: [] },
    })),
  );
  return { holders, everywhere: { blocks: 0, weightedBlocks: 0, byTier: [] } };
}

/** Blocks by pod and tier as the map at `/blocks` shows them, which may be some seconds old. */
export async function mapOf(url: string): Promise<ReadonlyMap<string, BlocksByTier>> {
  const { pods } = JSON.parse(await get(url, '/blocks')) as {
    readonly pods: readonly { readonly pod: string; readonly tiers: BlocksByTier }[];
  };
  return new Map(pods.map(({ pod, tiers }) => [pod, tiers]));
}
