// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { createLocalKvBus, type KvBus, type KvMessage } from '@llm-d/kv-events';
import { makeBatch, makeSource, stored } from '@llm-d/kv-events/testing';
import { createRequestKeyHasher } from '@llm-d/kv-index';
import { noopLogger } from '@llm-d/telemetry';
import { startKvIndexer, type KvIndexer, type KvIndexerParts } from './app.ts';
import type { KvIndexerOptions } from './options.ts';

/** Small blocks, any port, no snapshots of its own accord. */
export const testOptions: KvIndexerOptions = {
  host: '127.0.0.1',
  httpPort: 0,
  grpcPort: 0,
  nats: {
    servers: [],
    stream: 'KV_EVENTS',
    subjectPrefix: 'kv.ev',
    user: undefined,
    password: undefined,
    token: undefined,
    credsFile: undefined,
  },
  redisUrl: undefined,
  redisNamespace: 'kv',
  redisLeaseMs: 15_000,
  blockSizeTokens: 2,
  hashAlgorithm: 'cbor-fnv',
  hashSeed: '',
  maxIndexBytes: undefined,
  snapshotIntervalMs: 3_600_000,
  takesSnapshots: true,
  renderUrl: undefined,
  renderTimeoutMs: 5000,
  maxBodyBytes: 1 << 20,
  drainTimeoutMs: 10_000,
  logLevel: 'silent',
  legacyMetrics: false,
};

export interface TestIndexer extends AsyncDisposable {
  readonly indexer: KvIndexer;
  readonly url: string;
  readonly bus: KvBus;
  publish(...messages: readonly KvMessage[]): Promise<void>;
  /** Asks; the answer as status and parsed JSON. */
  get(path: string): Promise<{ readonly status: number; readonly body: unknown }>;
  post(path: string, body: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
}

/** An indexer on a bus within this process, once it has caught up with what was published before. */
export async function startTestIndexer(
  options: Partial<KvIndexerOptions> = {},
  parts: KvIndexerParts = {},
): Promise<TestIndexer> {
  const bus = parts.bus ?? createLocalKvBus();
  const indexer = await startKvIndexer({ ...testOptions, ...options }, noopLogger, {
    ...parts,
    bus,
  });
  await until(() => indexer.following.hasCaughtUp);
  const url = `http://127.0.0.1:${indexer.httpPort}`;
  const answered = async (answer: Response) => {
    const text = await answer.text();
    return { status: answer.status, body: JSON.parse(text) as unknown };
  };
  return {
    ...{ indexer, url, bus },
    publish: (...messages) => publishTo(bus, indexer, messages),
    get: async (path) => answered(await fetch(`${url}${path}`)),
    post: async (path, body) =>
      answered(
        await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      ),
    [Symbol.asyncDispose]: () => indexer.close(),
  };
}

/** Publishes, and waits until the last message is applied. */
async function publishTo(
  bus: KvBus,
  { following }: KvIndexer,
  messages: readonly KvMessage[],
): Promise<void> {
  const before = following.position ?? 0;
  for (const message of messages) await bus.publish(message, new AbortController().signal);
  await until(() => (following.position ?? 0) >= before + messages.length);
}

/** Waits until something is so; rejects after `limitMs` (default 20,000). */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = AbortSignal.timeout(limitMs);
  while (!(await isSo())) {
    if (deadline.aborted) throw new Error(`it did not come so within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Engines of model `m` that hold the beginning of the prompt 1, 2, 3, …; blocks have two tokens. */
export const holding = (pod: string, blocks: number, medium = 'GPU', dpRank = 0): KvMessage => ({
  ...makeBatch(
    makeSource(pod, { dpRank }),
    0,
    stored({
      hashes: Array.from({ length: blocks }, (_, i) => BigInt(1 + i)),
      tokens: promptOf(blocks),
      medium,
    }),
  ),
  receivedMs: systemClock.epochMs(),
});

export const promptOf = (blocks: number): number[] =>
  Array.from({ length: 2 * blocks }, (_, i) => 1 + i);

/** The request keys of that prompt, as decimal numbers. */
export function hashesOf(blocks: number): string[] {
  const keys = createRequestKeyHasher().keys(Uint32Array.from(promptOf(blocks)), {
    model: 'm',
    blockSizeTokens: 2,
  });
  return Array.from({ length: blocks }, (_, i) =>
    ((BigInt(keys[2 * i + 1] ?? 0) << 32n) | BigInt(keys[2 * i] ?? 0)).toString(),
  );
}
