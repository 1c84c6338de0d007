// SPDX-License-Identifier: Apache-2.0
import { createKvEventDecoder, type KvEventBatch } from '@llm-d/kv-index';
import { expect } from 'vitest';
import { defaultKvEvents, type KvEventsOptions } from '../kv-events/kv-events-options.ts';
import { askReplay, replayRequest, type Heard } from './event-listener.ts';
import { startTestSim } from './sim-server.ts';

const anywhere = { ...defaultKvEvents, endpoint: 'tcp://*:0', replayEndpoint: 'tcp://*:0' };
export const BLOCK = 16;

export type Sim = Awaited<ReturnType<typeof startTestSim>>;
type SimOptions = NonNullable<Parameters<typeof startTestSim>[0]>;

export const startSim = (events: Partial<KvEventsOptions> = {}, options: SimOptions = {}) =>
  startTestSim({ kvEvents: { ...anywhere, ...events }, ...options });

/** A prompt of whole blocks that no other `start` shares. */
export const tokens = (start: number, blocks: number) =>
  Array.from({ length: BLOCK * blocks }, (_, i) => 100_000 * (start + 1) + i);

export async function complete(server: Sim, prompt: number[], more: object = {}): Promise<void> {
  const body = { prompt, max_tokens: 1, ignore_eos: true, ...more };
  const response = await server.post('/v1/completions', body);
  expect(response.status).toBe(200);
  await response.text();
}

let lastWarmUp = 1000;
/** A request that fills a block of its own. */
export const stir = (server: Sim) => () => complete(server, tokens(++lastWarmUp, 1));

export function decoded(payload: Buffer): KvEventBatch {
  const result = createKvEventDecoder().decode(payload);
  if (!result.ok) throw result.error;
  expect(result.batch.problems).toEqual([]);
  return result.batch;
}

export const addressOf = (server: Sim, engine = 0) => {
  const address = server.sim.kvEvents[engine];
  if (address?.replayEndpoint === undefined) throw new Error('there should be an address');
  return { ...address, replayEndpoint: address.replayEndpoint };
};

/** Everything from the beginning, by way of replay. */
export async function history(server: Sim, engine = 0): Promise<Heard[]> {
  const { replayEndpoint } = addressOf(server, engine);
  const replies = await askReplay(replayEndpoint, replayRequest(0));
  expect(replies.at(-1)?.[2]?.toString('hex')).toBe('ffffffffffffffff');
  return replies.slice(0, -1).map(([, topic, sequence, payload]) => {
    if (topic === undefined || sequence === undefined || payload === undefined) {
      throw new Error('not a reply of four frames');
    }
    return { topic: topic.toString(), sequence: Number(sequence.readBigUInt64BE()), payload };
  });
}

export interface CacheReport {
  readonly data_parallel_rank: number;
  readonly tiers: readonly {
    readonly medium: string;
    readonly blocks: number;
    readonly copies: number;
    readonly hashes: Readonly<Record<string, number>>;
  }[];
  readonly events: Readonly<Record<string, unknown>> | null;
}

export const cacheReport = async (server: Sim, engine = 0): Promise<CacheReport> => {
  const response = await fetch(`http://127.0.0.1:${server.ports[engine] ?? 0}/debug/kv-cache`);
  return (await response.json()) as CacheReport;
};

/** Copies by "medium hash" that these batches leave, counted by hand. */
export function copiesAfter(messages: readonly Heard[]): Record<string, number> {
  const copies: Record<string, number> = {};
  for (const { payload } of messages) {
    const { events, hashes } = decoded(payload);
    for (const event of events) {
      if (event.type === 'cleared') {
        for (const name of Object.keys(copies)) copies[name] = 0;
        continue;
      }
      for (let i = event.hashStart; i < event.hashEnd; i++) {
        const hash = (BigInt(hashes[2 * i + 1] ?? 0) << 32n) | BigInt(hashes[2 * i] ?? 0);
        const name = `${event.medium ?? ''} ${hash}`;
        copies[name] = (copies[name] ?? 0) + (event.type === 'stored' ? 1 : -1);
      }
    }
  }
  return Object.fromEntries(Object.entries(copies).filter(([, count]) => count !== 0));
}

export const copiesOf = ({ tiers }: CacheReport): Record<string, number> =>
  Object.fromEntries(
    tiers.flatMap(({ medium, hashes }) =>
      Object.entries(hashes).map(([hash, count]) => [`${medium} ${hash}`, count]),
    ),
  );

/** Settings of offloading, with nowhere to offload to. */
export const OFFLOAD = {
  ...{ cpuBlocks: 0, sharedMedium: undefined, selfDescribingEvents: true },
  kvBytesPerToken: 1,
};
