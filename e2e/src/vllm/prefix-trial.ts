// SPDX-License-Identifier: Apache-2.0
import { createRandom } from '@llm-d/determinism';
import { expect, vi } from 'vitest';
import { addUp, type CachedPrompt, type EngineLedger } from './engine-ledger.ts';
import { readEventHistory } from './event-history.ts';
import type { HashForm, PrefixEngine, StartPrefixEngine } from './prefix-engine.ts';
import {
  startPrefixGateway,
  type GatewayKind,
  type IndexView,
  type PrefixDecision,
  type PrefixGateway,
} from './prefix-gateway.ts';
import {
  ask,
  makeOpening,
  tokenIds,
  type Opening,
  type PrefixAnswer,
  type PrefixPrompt,
} from './prefix-prompts.ts';

/** Longest that anything may take until it is so; a machine may be busy with something else. */
const SOON_MS = 60_000;

export interface PrefixTrialOptions {
  readonly startEngine: StartPrefixEngine;
  readonly hashes: HashForm;
  readonly gateways: (engines: readonly [PrefixEngine, PrefixEngine]) => readonly GatewayKind[];
}

/** An answer through a gateway, and why it came from there. */
export interface PlacedAnswer extends PrefixAnswer {
  readonly decision: PrefixDecision;
  /**
   * Leading blocks of the engines that the decision knew of, by engine. Where the index's blocks are smaller it may know
   * part of one more, which is of no use to the engine.
   */
  readonly known: Readonly<Record<string, number>>;
  /** Leading blocks that each engine held before, by its own events. */
  readonly held: Readonly<Record<string, number>>;
  /** Tokens that the engine had to find in its cache: never all, as the last one gives the answer. */
  readonly reusableTokens: number;
}

/** Two engines and gateways in front of both, each of which listens to their events. Disposing of it kills all. */
export interface PrefixTrial extends AsyncDisposable {
  readonly engines: readonly [PrefixEngine, PrefixEngine];
  readonly gateways: readonly PrefixGateway[];
  /** Prompts that begin alike, as none before. Default 200 words. */
  opening(words?: number): Opening;
  /** Sends a prompt to an engine, and waits until all know what it has now. */
  tell(engine: PrefixEngine, prompt: PrefixPrompt): Promise<PrefixAnswer>;
  /** Sends a prompt through a gateway, and waits until all know what the engine has now. */
  place(gateway: PrefixGateway, prompt: PrefixPrompt): Promise<PlacedAnswer>;
  /** What an engine holds, by its own events. */
  ledger(engine: PrefixEngine): Promise<EngineLedger>;
  /** Waits until every gateway's index has as many blocks as the engines, up to their last batches. */
  agreed(): Promise<void>;
}

export async function startPrefixTrial(options: PrefixTrialOptions): Promise<PrefixTrial> {
  await using started = new AsyncDisposableStack();
  // One after the other: each start keeps a core busy.
  const first = started.use(await options.startEngine('engine-a', options.hashes));
  const second = started.use(await options.startEngine('engine-b', options.hashes));
  const engines = [first, second] as const;
  const gateways: PrefixGateway[] = [];
  for (const kind of options.gateways(engines)) {
    gateways.push(started.use(await startPrefixGateway(kind, engines)));
  }
  const random = createRandom(1);
  let requests = 0;
  const all = started.move();
  return {
    ...{ engines, gateways, ledger, agreed: () => agreed(engines, gateways) },
    opening: (words = 200) => makeOpening(random, words, first.model),
    tell: async (engine, prompt) => {
      const answer = await ask(engine.url, prompt);
      await stored(engine, prompt);
      await agreed(engines, gateways);
      return answer;
    },
    place: async (gateway, prompt) => {
      const requestId = `request-${++requests}`;
      const ids = await tokenIds(first.url, prompt);
      const before = await heldBlocks(engines, { ...prompt, ids });
      const answer = await ask(gateway.url, prompt, { requestId });
      const decision = await gateway.decision(requestId);
      const engine = engines.find(({ name }) => name === decision.engine);
      if (engine === undefined) throw new Error(`there is no ${decision.engine}`);
      await stored(engine, prompt);
      await agreed(engines, gateways);
      const { blockSizeTokens } = engine;
      const share = gateway.kind.blockSizeTokens / blockSizeTokens;
      const known = Object.entries(decision.cachedBlocks).map(
        ([name, blocks]) => [name, Math.floor(blocks * share)] as const,
      );
      const most = Math.floor((ids.length - 1) / blockSizeTokens);
      return {
        ...{ ...answer, decision },
        known: Object.fromEntries(known.filter(([, blocks]) => blocks > 0)),
        held: Object.fromEntries(before),
        reusableTokens: Math.min(most, new Map(before).get(engine.name) ?? 0) * blockSizeTokens,
      };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const ledger = async ({ replayPort }: PrefixEngine): Promise<EngineLedger> =>
  addUp(await readEventHistory(replayPort));

/** Leading blocks of a prompt by name, of the engines that have any. */
async function heldBlocks(
  engines: readonly PrefixEngine[],
  prompt: CachedPrompt,
): Promise<readonly (readonly [name: string, blocks: number])[]> {
  const held = await Promise.all(
    engines.map(async (engine) => [engine.name, (await ledger(engine)).prefixOf(prompt)] as const),
  );
  return held.filter(([, blocks]) => blocks > 0);
}

/** Waits until the engine's events say that it has all of a prompt that it has just answered. */
async function stored(engine: PrefixEngine, prompt: PrefixPrompt): Promise<void> {
  const ids = await tokenIds(engine.url, prompt);
  const blocks = Math.floor(ids.length / engine.blockSizeTokens);
  await vi.waitFor(
    async () => {
      expect((await ledger(engine)).prefixOf({ ...prompt, ids })).toBe(blocks);
    },
    { timeout: SOON_MS, interval: 20 },
  );
}

async function agreed(
  engines: readonly PrefixEngine[],
  gateways: readonly PrefixGateway[],
): Promise<void> {
  await vi.waitFor(
    async () => {
      const truth = await truthOf(engines);
      const known = await Promise.all(
        gateways.map(async (gateway) => claimsOf(gateway.kind, await gateway.index(), engines)),
      );
      for (const claims of known) expect(claims).toEqual(truth);
      // What came meanwhile is in neither.
      expect(await truthOf(engines)).toEqual(truth);
    },
    { timeout: SOON_MS, interval: 50 },
  );
}

/** What of an index can be compared with engines: tokens in blocks altogether, and the last batch of each engine. */
interface Comparable {
  readonly tokens: number;
  readonly last: readonly number[];
}

async function truthOf(engines: readonly PrefixEngine[]): Promise<Comparable> {
  const ledgers = await Promise.all(engines.map(ledger));
  const tokens = ledgers.map(({ blocks }, i) => blocks * (engines[i]?.blockSizeTokens ?? 0));
  return {
    tokens: tokens.reduce((sum, one) => sum + one, 0),
    last: ledgers.map(({ last }) => last),
  };
}

const claimsOf = (
  { blockSizeTokens }: GatewayKind,
  { copies, sources }: IndexView,
  engines: readonly PrefixEngine[],
): Comparable => ({
  tokens: copies * blockSizeTokens,
  last: engines.map(({ port }) => sources.get(`127.0.0.1:${port}`)?.sequence ?? -1),
});
