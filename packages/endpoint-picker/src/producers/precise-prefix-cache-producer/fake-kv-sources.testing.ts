// SPDX-License-Identifier: Apache-2.0
import type { KvBatchMessage, KvBusReader, KvMessage } from '@llm-d/kv-events';
import { makeBatch, makeSource, stored, type EventSetup } from '@llm-d/kv-events/testing';
import type { Endpoint } from '@llm-d/scheduler-core';
import type { KvMatches } from '@llm-d/kv-index';
import type {
  BoundSocket,
  FollowedBus,
  FollowedEndpoint,
  KvEventSources,
  RedisIndexOptions,
  SharedSpeculation,
} from './kv-event-sources.ts';

/** Sources that a test speaks through. */
export interface FakeKvSources extends KvEventSources {
  /** Endpoints that are listened to at the moment, in the order in which that began. */
  readonly followed: readonly FollowedEndpoint[];
  readonly bound: readonly BoundSocket[];
  readonly buses: readonly FollowedBus[];
  readonly redis: readonly RedisIndexOptions[];
  /** What was told to other replicas. */
  readonly published: readonly SharedSpeculation[];
  /** An engine that is listened to at its endpoint publishes a batch; the first is number 0. */
  publish(endpoint: Endpoint, ...events: readonly EventSetup[]): void;
  /** Another replica tells of a request. */
  tell(speculation: SharedSpeculation): void;
}

export interface FakeKvSourcesOptions {
  /** Rejects the next attempts to follow an endpoint. Default 0. */
  readonly failures?: number;
  readonly doubt?: string;
  readonly lookup?: (keys: Uint32Array) => Promise<KvMatches>;
}

/** The blocks of a prompt as an engine stores them: whole blocks of `size` tokens, hashes made up. */
export const storedPrompt = (ids: Uint32Array, size = 16, medium = 'GPU'): EventSetup => {
  const tokens = [...ids.subarray(0, Math.floor(ids.length / size) * size)];
  const seed = tokens.reduce((sum, token) => (Math.imul(sum, 31) + token) >>> 0, medium.length);
  const hashes = Array.from({ length: tokens.length / size }, (_, i) => BigInt(seed * 1000 + i));
  return stored({ hashes, tokens, medium });
};

export function fakeKvSources(options: FakeKvSourcesOptions = {}): FakeKvSources {
  const followed = new Set<FollowedEndpoint>();
  const bound: BoundSocket[] = [];
  const buses: FollowedBus[] = [];
  const redis: RedisIndexOptions[] = [];
  const published: SharedSpeculation[] = [];
  const listeners = new Set<(speculation: SharedSpeculation) => void>();
  const sequences = new Map<string, number>();
  let failures = options.failures ?? 0;

  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
  return {
    get followed() {
      return [...followed];
    },
    bound,
    buses,
    redis,
    published,
    followEndpoint: async (given) => {
      if (failures-- > 0) throw new Error('refused');
      followed.add(given);
      await untilAborted(given.signal);
      followed.delete(given);
    },
    bindForEngines: async (given) => {
      bound.push(given);
      await untilAborted(given.signal);
    },
    followBus: async (given) => {
      buses.push(given);
      await untilAborted(given.signal);
    },
    openRedis: (given) => {
      redis.push(given);
      return {
        doubt: () => options.doubt,
        lookup: options.lookup ?? (() => Promise.reject(new Error('no index'))),
        close: () => Promise.resolve(),
      };
    },
    speculation: {
      publishSpeculation: (speculation) => {
        published.push(speculation);
      },
      onSpeculation: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    publish: ({ hostPort, rank }, ...events) => {
      const given = [...followed].find(({ pod, dpRank }) => pod === hostPort && dpRank === rank);
      if (given === undefined) throw new Error(`nobody listens to ${hostPort}`);
      const key = `${hostPort} ${given.epoch}`;
      const sequence = sequences.get(key) ?? 0;
      sequences.set(key, sequence + 1);
      const source = makeSource(hostPort, { dpRank: rank, epoch: given.epoch });
      const receivedMs = given.clock.epochMs();
      void given.onMessage({ ...makeBatch(source, sequence, ...events), receivedMs });
    },
    tell: (speculation) => {
      for (const listener of listeners) listener(speculation);
    },
  };
}

/** A batch of a pod, as whoever fills a bus passes it on. */
export const batchOf = (
  pod: string,
  sequence: number,
  ...events: readonly EventSetup[]
): KvBatchMessage => makeBatch(makeSource(pod), sequence, ...events);

/** Gives messages to a reader one after the other. */
export async function feed(reader: KvBusReader, ...messages: readonly KvMessage[]): Promise<void> {
  for (const [i, message] of messages.entries()) await reader.onMessage(message, i + 1);
}
