// SPDX-License-Identifier: Apache-2.0
import {
  createTempDir,
  findNatsServer,
  findRedisServer,
  pathOf,
  startNatsServer,
  startRedisServer,
  type NatsServer,
  type RunningRedisServer,
} from '@llm-d/test-kit';
import {
  BLOCK_SIZE_TOKENS,
  startKvEngine,
  type KvEngine,
  type KvEngineOptions,
} from './kv-engine.ts';
import { prepareProgram, type KvProgram } from './kv-program.ts';

/** The real parts of these tests, or why there are none. */
export const nats = await findNatsServer();
export const redis = await findRedisServer();
export const kvParts = 'missing' in nats ? nats : redis;

export interface KvStackOptions {
  /** One for each engine. Default two that differ in nothing. */
  readonly engines?: readonly KvEngineOptions[];
  /** Whether the relay is started. Default true. */
  readonly relays?: boolean;
  /** Whether there is an indexer, and a Redis that it mirrors to. Default true. */
  readonly indexes?: boolean;
  readonly indexerArgs?: readonly string[];
}

/** Who publishes, for the relay's file. */
export type KvPublisher = Pick<KvEngine, 'pod' | 'eventsPort' | 'replayPort'>;

/**
 * Engines → relay → NATS → indexer → Redis, each a process of its own that can be killed and started again where it was.
 * Disposing of it kills all.
 */
export interface KvStack extends AsyncDisposable {
  readonly engines: readonly KvEngine[];
  readonly nats: NatsServer;
  readonly redis: RunningRedisServer;
  readonly relay: KvProgram;
  readonly indexer: KvProgram;
  /** Tells the relay of other engines. */
  setPublishers(publishers: readonly KvPublisher[]): Promise<void>;
}

const endpointsFile = (publishers: readonly KvPublisher[]): string =>
  JSON.stringify({
    endpoints: publishers.map(({ pod, eventsPort, replayPort }, i) => ({
      ...{ name: `engine-${i}`, address: '127.0.0.1', port: pod.split(':').at(-1) },
      labels: {
        'llm-d.ai/kv-events-port': String(eventsPort),
        'llm-d.ai/kv-replay-port': String(replayPort),
      },
    })),
  });

/** Starts everything that is wanted and resolves when all of it serves. */
export async function startKvStack(options: KvStackOptions = {}): Promise<KvStack> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const server = started.use(await startNatsServer({ path: pathOf(nats) }));
  const store = started.use(await startRedisServer({ path: pathOf(redis) }));
  const engines = await Promise.all(
    (options.engines ?? [{}, {}]).map(async (one) => started.use(await startKvEngine(one))),
  );
  const file = await folder.write('engines.json', endpointsFile(engines));
  const relay = started.use(
    prepareProgram(() => ({
      app: 'kv-relay',
      args: [
        ...['--nats', server.url, '--endpoints', file],
        ...['--host', '127.0.0.1', '--admin-port', '0', '--log-level', 'warn'],
      ],
    })),
  );
  const indexer = started.use(
    prepareProgram(() => ({
      app: 'kv-indexer',
      args: [
        ...['--host=127.0.0.1', '--http-port=0', '--grpc-port=0', '--redis-lease=1s'],
        ...[`--nats-url=${server.url}`, `--redis-url=${store.url}`],
        `--block-size=${BLOCK_SIZE_TOKENS}`,
        ...(options.indexerArgs ?? []),
      ],
    })),
  );
  await Promise.all([
    options.relays === false ? undefined : relay.start(),
    options.indexes === false ? undefined : indexer.start(),
  ]);
  const all = started.move();
  return {
    ...{ engines, nats: server, redis: store, relay, indexer },
    setPublishers: async (publishers) => {
      await folder.write('engines.json', endpointsFile(publishers));
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
