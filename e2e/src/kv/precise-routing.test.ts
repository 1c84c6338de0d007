import { freePorts, isSkipped, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, startGateway, untilReady } from '../stack.ts';
import { truthOf } from './engine-truth.ts';
import type { Claims } from './index-view.ts';
import { BLOCK_SIZE_TOKENS, startKvEngine, type KvEngine } from './kv-engine.ts';
import { kvParts, startKvStack } from './kv-stack.ts';
import { ask, makePrompts, type Prompt } from './prompts.ts';

const PRODUCER = 'precise-prefix-cache-producer';
/** Time without a word after which a source is silent. */
const SILENT_AFTER_MS = 20_000;

/** A gateway that goes by the engines' events alone. */
async function startPreciseGateway(engines: readonly KvEngine[], kvEventsConfig: object) {
  const config = {
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      {
        type: 'token-producer',
        parameters: { modelName: 'sim-model', vllm: { url: engines[0]?.url } },
      },
      {
        type: PRODUCER,
        parameters: {
          tokenProcessorConfig: { blockSizeTokens: BLOCK_SIZE_TOKENS },
          kvEventsConfig,
        },
      },
      { type: 'prefix-cache-scorer', parameters: { prefixMatchInfoProducerName: PRODUCER } },
      { type: 'max-score-picker' },
    ],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: [
          { pluginRef: 'prefix-cache-scorer', weight: 1 },
          { pluginRef: 'max-score-picker' },
        ],
      },
    ],
  };
  const urls = engines.map(({ url }) => url);
  const gateway = await startGateway(urls, ['--config-text', JSON.stringify(config)]);
  await untilReady(gateway.url);
  return gateway;
}

/** What a decision knew of a prompt. */
interface PrefixRecord {
  readonly producer: string;
  readonly basis?: string;
  readonly note?: string;
  readonly freshness?: {
    readonly isCaughtUp: boolean;
    readonly oldestMs?: number;
    readonly sources: number;
    readonly wholeSources: number;
    readonly lostBatches: number;
  };
  readonly totalBlocks?: number;
  readonly endpoints?: readonly {
    readonly endpoint: string;
    readonly matchedBlocks: number;
    readonly cachedBlocks: number;
  }[];
}

interface Explained {
  readonly attempts: readonly {
    readonly prefixes?: readonly PrefixRecord[];
    readonly endpoint?: string;
    readonly decision?: unknown;
  }[];
}

let requests = 0;

/** Sends a prompt to a gateway and says what was known of it and who got it. */
async function place(url: string, prompt: Prompt) {
  const requestId = `placed-${++requests}`;
  expect(await ask(url, 'sim-model', prompt, { requestId })).toBe(200);
  const [summaries, explained] = await Promise.all([
    getJson<{ readonly decisions: readonly { requestId: string; endpoint?: string }[] }>(
      `${url}/debug/decisions?limit=5`,
    ),
    getJson<Explained>(`${url}/debug/decisions/${requestId}`),
  ]);
  return {
    endpoint: summaries.decisions.find((one) => one.requestId === requestId)?.endpoint,
    prefix: explained.attempts[0]?.prefixes?.find(({ producer }) => producer === PRODUCER),
  };
}

async function getJson<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}

const endpointOf = ({ pod }: KvEngine): string => `default/${pod}-rank-0`;
const wholeBlocks = ({ tokens }: Prompt): number => Math.floor(tokens.length / BLOCK_SIZE_TOKENS);

/** Every engine is given prompts of its own, past the gateway; then the gateway is asked for each. */
async function expectPlacedWhereHeld(
  url: string,
  engines: readonly KvEngine[],
  prompts: readonly Prompt[],
): Promise<void> {
  const owner = (i: number): KvEngine => {
    const engine = engines[i % engines.length];
    if (engine === undefined) throw new Error('there is no engine');
    return engine;
  };
  for (const [i, prompt] of prompts.entries()) {
    expect(await ask(owner(i).url, 'sim-model', prompt)).toBe(200);
  }
  await expect.poll(() => hasHeardAll(url, engines), { timeout: 20_000 }).toBe(true);
  for (const [i, prompt] of prompts.entries()) {
    const { endpoint, prefix } = await place(url, prompt);
    expect(endpoint).toBe(endpointOf(owner(i)));
    expect(prefix).toMatchObject({
      ...{ producer: PRODUCER, basis: 'events', totalBlocks: wholeBlocks(prompt) },
      freshness: {
        ...{ isCaughtUp: true, lostBatches: 0 },
        ...{ sources: engines.length, wholeSources: engines.length },
      },
      endpoints: [
        {
          endpoint: endpointOf(owner(i)),
          matchedBlocks: wholeBlocks(prompt),
          cachedBlocks: wholeBlocks(prompt),
        },
      ],
    });
    expect(prefix?.note).toBeUndefined();
  }
}

/** Whether a gateway has the last batch of each of these engines, which are silent. */
async function hasHeardAll(url: string, engines: readonly KvEngine[]): Promise<boolean> {
  const [{ plugins }, ...truths] = await Promise.all([
    getJson<{ readonly plugins: Readonly<Record<string, { readonly state?: Claims }>> }>(
      `${url}/debug/plugins/state`,
    ),
    ...engines.map(truthOf),
  ]);
  const sources = plugins[PRODUCER]?.state?.sources ?? [];
  return truths.every(({ pod, sequence }) =>
    sources.some((known) => known.source.pod === pod && known.sequence === sequence),
  );
}

/** Prompts of which no two begin alike, as many as `engines` can hold. */
const ownPrompts = async (engines: readonly KvEngine[]): Promise<Prompt[]> => {
  const [engine] = engines;
  if (engine === undefined) throw new Error('there is no engine');
  const prompts = await Promise.all(
    [11, 12, 13, 14, 15, 16].map((seed) => makePrompts(engine, 1, seed)),
  );
  return prompts.flat();
};

describe.skipIf(isSkipped(kvParts))(
  titleWith('a gateway that knows the engines’ caches', kvParts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('sends a prompt to whoever has it, by events from NATS', async () => {
      await using stack = await startKvStack({ engines: [{}, {}, {}], indexes: false });
      await using gateway = await startPreciseGateway(stack.engines, {
        nats: { servers: stack.nats.url },
      });
      await expectPlacedWhereHeld(gateway.url, stack.engines, await ownPrompts(stack.engines));
    });

    test('goes on when there is no relay any more, and says that what it knows is old', async () => {
      await using stack = await startKvStack({ indexes: false });
      const { engines, relay } = stack;
      await using gateway = await startPreciseGateway(engines, {
        nats: { servers: stack.nats.url },
      });
      const prompts = await ownPrompts(engines);
      await expectPlacedWhereHeld(gateway.url, engines, prompts);
      const [prompt] = prompts;
      if (prompt === undefined) throw new Error('there is no prompt');
      await relay.kill();
      await expect
        .poll(() => place(gateway.url, prompt), { timeout: 3 * SILENT_AFTER_MS, interval: 500 })
        .toMatchObject({
          prefix: {
            ...{ basis: 'events', note: 'of 2 sources 2 are incomplete or silent' },
            freshness: { isCaughtUp: true, sources: 2, wholeSources: 0 },
          },
        });
      const { prefix, endpoint } = await place(gateway.url, prompt);
      expect(prefix?.freshness?.oldestMs).toBeGreaterThan(SILENT_AFTER_MS);
      expect(engines.map(endpointOf)).toContain(endpoint);
      await relay.start();
      await expect
        .poll(async () => (await place(gateway.url, prompt)).prefix?.freshness?.wholeSources, {
          timeout: 20_000,
        })
        .toBe(2);
    });
  },
);

test(
  'a gateway that engines connect to sends a prompt to whoever has it',
  async () => {
    const [port = 0] = await freePorts(1);
    const zmqEndpoint = `tcp://127.0.0.1:${port}`;
    await using engines = new AsyncDisposableStack();
    const all = await Promise.all(
      [0, 1].map(async () => engines.use(await startKvEngine({ publishesTo: zmqEndpoint }))),
    );
    await using gateway = await startPreciseGateway(all, { zmqEndpoint, discoverPods: false });
    await expectPlacedWhereHeld(gateway.url, all, await ownPrompts(all));
  },
  TEST_TIMEOUT_MS,
);
