// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { KvIndexFollower, KvSourceFreshness } from '@llm-d/kv-events';
import { type KvBlockSurvey, type MemoryKvBlockIndex, surveyKvBlocks } from '@llm-d/kv-index';

export interface CacheMapOptions {
  readonly index: MemoryKvBlockIndex;
  readonly follower: Pick<KvIndexFollower, 'sources' | 'freshness'>;
  readonly clock: Clock;
  /** How long a survey serves, in milliseconds: it costs a second of this process for millions of blocks. */
  readonly surveyForMs: number;
}

/** Where the blocks are, for people and dashboards. */
export interface CacheMap {
  blocks(): Promise<object>;
  workers(): readonly object[];
  sources(): object;
}

/** Views of an index. Surveys are made when somebody asks, one at a time, and serve everybody for a while. */
export function createCacheMap(options: CacheMapOptions): CacheMap {
  const { index, follower, clock, surveyForMs } = options;
  let made: { readonly survey: Promise<KvBlockSurvey>; readonly atMs: number } | undefined;
  const surveyed = (): { readonly survey: Promise<KvBlockSurvey>; readonly atMs: number } => {
    if (made === undefined || clock.nowMs() - made.atMs >= surveyForMs) {
      made = { survey: surveyKvBlocks(index.rows), atMs: clock.nowMs() };
    }
    return made;
  };
  return {
    blocks: async () => {
      const { survey, atMs } = surveyed();
      const { blocks, byTier, byHolders, holders } = await survey;
      const freshness = bySource(follower.sources());
      const { copies, unswept, bytes, unplaced, evicted } = index.stats();
      return {
        blocks,
        ...{ copies, unswept, index_bytes: bytes, evicted, unplaced },
        tiers: byTier,
        // By number of holders, from 1 on.
        replication: Object.fromEntries(byHolders.map((count, i) => [i + 1, count])),
        survey_age_ms: Math.round(clock.nowMs() - atMs),
        pods: holders.map(({ pod, dpRank, model, everywhere, onlyHere, ...holder }) => ({
          ...{ pod, dp_rank: dpRank, model, everywhere },
          ...{ blocks: holder.blocks, only_here: onlyHere, tiers: holder.byTier },
          ...stateOf(freshness.get(`${dpRank} ${pod}`)),
        })),
      };
    },
    workers: () => {
      const copies = new Map(
        index.stats().sources.map((source) => [`${source.dpRank} ${source.pod}`, source.copies]),
      );
      const pods = new Map<string, { model: string; dp_ranks: Map<number, object> }>();
      for (const known of follower.sources()) {
        const { pod, dpRank, model } = known.source;
        const worker = pods.get(pod) ?? { model, dp_ranks: new Map<number, object>() };
        const held = { tree_size: copies.get(`${dpRank} ${pod}`) ?? 0 };
        worker.dp_ranks.set(dpRank, { ...stateOf(known), ...held });
        pods.set(pod, worker);
      }
      return Array.from(pods, ([instance_id, { model, dp_ranks }]) => ({
        ...{ instance_id, model },
        dp_ranks: Object.fromEntries(dp_ranks),
      }));
    },
    sources: () => ({ freshness: follower.freshness(), sources: follower.sources() }),
  };
}

const bySource = (sources: readonly KvSourceFreshness[]): Map<string, KvSourceFreshness> =>
  new Map(sources.map((known) => [`${known.source.dpRank} ${known.source.pod}`, known]));

function stateOf(known: KvSourceFreshness | undefined): object {
  if (known === undefined) return { state: 'unknown' };
  const { state, sequence, ageMs, lagMs, lostBatches } = known;
  return { state, sequence, age_ms: ageMs, lag_ms: lagMs, lost_batches: lostBatches };
}
