// SPDX-License-Identifier: Apache-2.0
import { createRequestKeyHasher, defaultTierWeights } from '@llm-d/kv-index';
import type { KvRedisReader } from '@llm-d/kv-index/redis';
import { heldPrefix, truthOf, type BlocksByTier, type EngineTruth } from './engine-truth.ts';
import {
  claimsOf,
  mirrorOf,
  podsOf,
  prefixesOf,
  type Claims,
  type PodView,
  type PrefixView,
} from './index-view.ts';
import { BLOCK_SIZE_TOKENS, type KvEngine } from './kv-engine.ts';
import type { Prompt } from './prompts.ts';

/** What is compared: engines that nobody asks anything meanwhile, and those who should know what they hold. */
export interface Compared {
  readonly engines: readonly KvEngine[];
  readonly indexerUrl: string;
  /** Every prompt that the engines were ever asked. */
  readonly prompts: readonly Prompt[];
  /** Looks up what the indexer mirrors. Default: nobody does. */
  readonly reader?: KvRedisReader | undefined;
}

/** What was found at one moment, in which nothing moved. */
export interface Sample {
  readonly claims: Claims;
  /** What is not as the engines say. Empty: the index is equal to them. */
  readonly differences: readonly string[];
  /** What was claimed though it is not so. */
  readonly lies: readonly string[];
}

export interface ConvergenceOptions {
  /** When the engines fell silent, in milliseconds of the wall clock. Default now. */
  readonly quietSinceMs?: number;
  /** Default 40,000. */
  readonly limitMs?: number;
  /** Whether every source must be whole as well. Default true. */
  readonly whole?: boolean;
}

/** What is heard of an engine so long after it fell silent is no batch that was on its way. */
const UNDER_WAY_MS = 5000;
const POLL_MS = 100;

/**
 * Waits until the index has exactly what the engines have, and says so. Fails at once when something is claimed on the
 * way that is not so, and when the limit is over.
 */
export async function untilConverged(
  compared: Compared,
  options: ConvergenceOptions = {},
): Promise<Sample> {
  const { quietSinceMs = Date.now(), limitMs = 40_000, whole = true } = options;
  const deadlineMs = Date.now() + limitMs;
  for (;;) {
    const sample = await takeSample(compared, quietSinceMs);
    if (sample !== undefined) {
      const { differences, lies, claims } = sample;
      if (lies.length > 0) throw new Error(`claimed, but not so: ${lies.join('; ')}`);
      const isTold = !whole || isWhole(claims, compared.engines);
      if (differences.length === 0 && isTold) return sample;
    }
    if (Date.now() > deadlineMs) throw new Error(`not converged: ${shown(sample)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const shown = (sample: Sample | undefined): string =>
  sample === undefined ? 'it never came to rest' : JSON.stringify(sample, null, 1).slice(0, 4000);

const isWhole = ({ freshness, sources }: Claims, engines: readonly KvEngine[]): boolean =>
  freshness.isCaughtUp &&
  engines.every(({ pod }) =>
    sources.some(({ source, state }) => source.pod === pod && state === 'whole'),
  );

/** Looks at engines and index; undefined when something moved meanwhile. */
async function takeSample(compared: Compared, quietSinceMs: number): Promise<Sample | undefined> {
  const before = await lookAt(compared);
  const atMs = Date.now();
  const found = new Map<string, string[]>();
  for (const truth of before.truths)
    found.set(truth.pod, await differencesOf(truth, before, compared));
  const isAllThere = [...found.values()].every(({ length }) => length === 0);
  const mirrored = isAllThere ? await mirrorDifferences(compared) : { differences: [], lies: [] };
  const after = await lookAt(compared);
  if (signatureOf(before) !== signatureOf(after)) return undefined;
  const { claims } = after;
  const lies = before.truths.flatMap((truth) =>
    liesOf(truth, before.claims, { differences: found.get(truth.pod) ?? [], atMs, quietSinceMs }),
  );
  return {
    claims,
    differences: [...[...found.values()].flat(), ...mirrored.differences],
    lies: [...lies, ...mirrored.lies],
  };
}

interface Look {
  readonly truths: readonly EngineTruth[];
  readonly claims: Claims;
}

async function lookAt({ engines, indexerUrl }: Compared): Promise<Look> {
  const [claims, ...truths] = await Promise.all([claimsOf(indexerUrl), ...engines.map(truthOf)]);
  return { claims, truths };
}

/** What is equal of two looks between which nothing moved. */
const signatureOf = ({ truths, claims: { freshness, sources } }: Look): string =>
  JSON.stringify([
    truths,
    freshness.isCaughtUp,
    sources.map(({ source, state, sequence }) => [source, state, sequence]),
  ]);

/** Where the index does not say what an engine holds. */
async function differencesOf(
  truth: EngineTruth,
  { claims }: Look,
  compared: Compared,
): Promise<string[]> {
  const { pod, sequence, blocks } = truth;
  const known = claims.sources.find(({ source }) => source.pod === pod);
  if (known === undefined) return [`${pod} is unknown`];
  if (known.sequence !== sequence) return [`${pod} is known to ${known.sequence} of ${sequence}`];
  try {
    const view = (await podsOf(compared.indexerUrl)).get(pod) ?? { copies: 0, blocks: {} };
    const all = differencesInAll(pod, blocks, view);
    return all.length > 0 ? all : await differencesInPrompts(pod, compared);
  } catch (error) {
    return [String(error)];
  }
}

function differencesInAll(pod: string, held: BlocksByTier, view: PodView): string[] {
  const copies = sum(held);
  const said = JSON.stringify(sorted(view.blocks));
  return [
    ...(view.copies === copies ? [] : [`${pod} has ${copies} blocks, not ${view.copies}`]),
    ...(said === JSON.stringify(held) ? [] : [`${pod} has ${JSON.stringify(held)}, not ${said}`]),
  ];
}

async function differencesInPrompts(pod: string, compared: Compared): Promise<string[]> {
  const engine = compared.engines.find((one) => one.pod === pod);
  if (engine === undefined) return [`there is no engine ${pod}`];
  const found = await Promise.all(
    compared.prompts.map(async (prompt, i) => {
      const [held, views] = await Promise.all([
        heldPrefix(engine, prompt),
        prefixesOf(compared.indexerUrl, engine.model, prompt),
      ]);
      const said = views.get(pod) ?? { blocks: 0, score: 0 };
      return isEqual(held, said)
        ? []
        : [`${pod} has ${JSON.stringify(held)} of prompt ${i}, not ${JSON.stringify(said)}`];
    }),
  );
  return found.flat();
}

const isEqual = (held: BlocksByTier, { blocks, score }: PrefixView): boolean =>
  sum(held) === blocks && Math.abs(weightOf(held) - score) < 1e-6;

const sum = (blocks: BlocksByTier): number =>
  Object.values(blocks).reduce((total, count) => total + count, 0);

const weightOf = (blocks: BlocksByTier): number =>
  Object.entries(blocks).reduce(
    (total, [tier, count]) => total + count * (defaultTierWeights[tier] ?? 0),
    0,
  );

const sorted = (blocks: BlocksByTier): BlocksByTier =>
  Object.fromEntries(Object.entries(blocks).sort(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Two claims must be true at any time. A source that is whole up to the engine's last batch is known exactly. And one
 * that is whole and was heard of when the engine had been silent for long is known up to its last batch: what was heard
 * said that nothing came after it.
 */
function liesOf(
  { pod, sequence: last }: EngineTruth,
  { freshness, sources }: Claims,
  at: {
    readonly differences: readonly string[];
    readonly atMs: number;
    readonly quietSinceMs: number;
  },
): string[] {
  const known = sources.find(({ source }) => source.pod === pod);
  if (known?.state !== 'whole' || !freshness.isCaughtUp) return [];
  if (known.sequence === last) return at.differences.map((text) => `whole at ${last}, yet ${text}`);
  const isLate = at.atMs - known.ageMs > at.quietSinceMs + UNDER_WAY_MS;
  return isLate ? [`${pod} is whole at ${known.sequence}, heard of ${known.ageMs} ms ago`] : [];
}

const NONE = { differences: [], lies: [] };

/** Where Redis does not say what the engines hold, once the indexer does. */
async function mirrorDifferences(
  compared: Compared,
): Promise<Pick<Sample, 'differences' | 'lies'>> {
  const { reader, engines, prompts, indexerUrl } = compared;
  if (reader === undefined) return NONE;
  const isSettled = async (): Promise<boolean> => {
    const mirror = await mirrorOf(indexerUrl);
    return mirror?.state === 'current' && mirror.pendingRows === 0;
  };
  const wasSettled = await isSettled();
  try {
    const differences: string[] = [];
    for (const engine of engines) {
      for (const [i, prompt] of prompts.entries()) {
        const held = JSON.stringify(await heldPrefix(engine, prompt));
        const said = JSON.stringify(await mirroredPrefix(reader, engine, prompt));
        if (held !== said)
          differences.push(`Redis: ${engine.pod} has ${held} of ${i}, not ${said}`);
      }
    }
    // What is still to be written is no lie.
    const isTold = wasSettled && (await isSettled()) && reader.state === 'current';
    return { differences, lies: isTold ? differences : [] };
  } catch (error) {
    return { differences: [String(error)], lies: [] };
  }
}

async function mirroredPrefix(
  reader: KvRedisReader,
  { model, pod }: KvEngine,
  { tokens }: Prompt,
): Promise<BlocksByTier> {
  const options = { model, blockSizeTokens: BLOCK_SIZE_TOKENS };
  const keys = createRequestKeyHasher().keys(Uint32Array.from(tokens), options);
  const { holders } = await reader.lookup(keys.slice());
  const match = holders.find((holder) => holder.pod === pod);
  return sorted(
    Object.fromEntries((match?.byTier ?? []).map(({ tier, blocks }) => [tier, blocks])),
  );
}
