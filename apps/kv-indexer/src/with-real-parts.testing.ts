// SPDX-License-Identifier: Apache-2.0
import { createRandom, systemClock } from '@llm-d/determinism';
import { createFleet, makeBatch, makeSource, type Fleet } from '@llm-d/kv-events/testing';
import { connectNatsKvBus, type NatsKvBus } from '@llm-d/kv-events/nats';
import type { KvBlockIndex, KvMatches } from '@llm-d/kv-index';
import { createKvRedisReader, type KvRedisReader } from '@llm-d/kv-index/redis';
import { startProgram, type NatsServer, type RunningProgram } from '@llm-d/test-kit';
import { until } from './kv-indexer.testing.ts';

const never = new AbortController().signal;

/** Engines whose events go to a real NATS, and the truth about them. */
export interface LiveFleet extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly bus: NatsKvBus;
  /** So many batches of random engines. */
  run(batches: number): Promise<void>;
}

export async function startLiveFleet(server: NatsServer, seed: number): Promise<LiveFleet> {
  const random = createRandom(seed);
  const fleet = createFleet({ random, blockSizeTokens: 2, prompts: 20, promptBlocks: 12 });
  const engines = ['a', 'b', 'c', 'd'].map((pod) => ({ engine: fleet.add(pod), sequence: 0 }));
  const bus = await connectNatsKvBus({ servers: server.url, reconnectDelayMs: 20 });
  return {
    ...{ fleet, bus },
    run: async (batches) => {
      for (let i = 0; i < batches; i++) {
        const one = engines[Math.floor(random.next() * engines.length)];
        if (one === undefined) continue;
        const batch = makeBatch(makeSource(one.engine.pod), one.sequence++, ...one.engine.step());
        await bus.publish({ ...batch, receivedMs: systemClock.epochMs() }, never);
      }
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}

/** The program with real NATS, as a process of its own. */
export const startProgramOn = (
  server: NatsServer,
  ...args: readonly string[]
): Promise<RunningProgram> =>
  startProgram({
    app: 'kv-indexer',
    args: [
      ...['--host=127.0.0.1', '--http-port=0', '--grpc-port=0', '--block-size=2'],
      ...[`--nats-url=${server.url}`, '--redis-lease=1s'],
      ...args,
    ],
  });

/** A reader of what programs write to Redis. */
export const readerOf = (redis: string): Promise<KvRedisReader> =>
  createKvRedisReader({ redis, keys: { blockSizeTokens: 2 }, clock: systemClock });

/** Waits until what a lookup finds is what engines hold. */
export async function tellsTheTruth(
  { fleet }: LiveFleet,
  lookup: (keys: Uint32Array) => Promise<KvMatches>,
): Promise<void> {
  const refuse = (): never => {
    throw new Error('only looked up');
  };
  const index: KvBlockIndex = {
    lookup,
    ...{ apply: refuse, clear: refuse, remove: refuse, stats: refuse },
  };
  let last: unknown;
  const isTrue = async (): Promise<boolean> => {
    try {
      last = await fleet.differences(index, 'm');
      return (last as readonly unknown[]).length === 0;
    } catch (error) {
      last = error;
      return false;
    }
  };
  await until(isTrue, 30_000).catch((error: unknown) => {
    throw new Error(`it is not true: ${JSON.stringify(last)} ${String(last)}`, { cause: error });
  });
}

/** Lookups over the HTTP API of a program. */
export const lookupAt =
  (url: string) =>
  async (keys: Uint32Array): Promise<KvMatches> => {
    const block_hashes = Array.from({ length: keys.length / 2 }, (_, i) =>
      ((BigInt(keys[2 * i + 1] ?? 0) << 32n) | BigInt(keys[2 * i] ?? 0)).toString(),
    );
    const answer = await fetch(`${url}/query_by_hash`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ block_hashes }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    const { scores } = (await answer.json()) as { scores: Record<string, Record<string, number>> };
    const holders = Object.entries(scores).flatMap(([pod, ranks]) =>
      Object.entries(ranks).map(([rank, blocks]) => ({
        ...{ pod, dpRank: Number(rank), model: 'm', blocks, weightedBlocks: blocks, byTier: [] },
      })),
    );
    return { holders, everywhere: { blocks: 0, weightedBlocks: 0, byTier: [] } };
  };

/** What a program says of itself at `/debug/status`. */
export async function statusOf({
  url,
}: RunningProgram): Promise<Readonly<Record<string, unknown>>> {
  return (await (await fetch(`${url}/debug/status`)).json()) as Record<string, unknown>;
}
