// SPDX-License-Identifier: Apache-2.0
import type { RequestKeyAlgorithm } from '@llm-d/kv-index';
import { parseGoDuration } from '@llm-d/scheduler-core';
import { Command, InvalidArgumentError, Option } from 'commander';

/** Where the messages are, and who we are there. */
export interface NatsOptions {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly subjectPrefix: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  /** File with a JWT and the seed that signs. */
  readonly credsFile: string | undefined;
}

/** Everything a KV indexer is told. Durations in milliseconds, sizes in bytes. */
export interface KvIndexerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Ports; 0 lets the system choose. */
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly nats: NatsOptions;
  /** Redis that mirrors the index; undefined for none. */
  readonly redisUrl: string | undefined;
  readonly redisNamespace: string;
  /** How long another replica waits after the one that writes to Redis fell silent. */
  readonly redisLeaseMs: number;
  readonly blockSizeTokens: number;
  readonly hashAlgorithm: RequestKeyAlgorithm;
  readonly hashSeed: string;
  /** Most memory of the index; undefined for as much as there is. */
  readonly maxIndexBytes: number | undefined;
  readonly snapshotIntervalMs: number;
  /** Whether this replica takes snapshots; any may begin with one. */
  readonly takesSnapshots: boolean;
  /** Turns text into tokens; undefined where nobody does. */
  readonly renderUrl: string | undefined;
  readonly renderTimeoutMs: number;
  readonly maxBodyBytes: number;
  /** How long the end may take, with the last snapshot. */
  readonly drainTimeoutMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Exposes metrics under their former names as well. */
  readonly legacyMetrics: boolean;
}

/** Environment variables, whichever are set. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The indexer's command line; `run` gets what it and the environment say. */
export function kvIndexerCommand(
  version: string,
  environment: Variables,
  run: (options: KvIndexerOptions) => Promise<void>,
): Command {
  return new Command('kv-indexer')
    .description('Keeps the index of which pod holds which KV-cache blocks, and answers questions.')
    .version(version)
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .option('--http-port <number>', 'port of the HTTP API, 0 for any', wholeNumber(0, 65_535), 8080)
    .option('--grpc-port <number>', 'port of indexer.v1, 0 for any', wholeNumber(0, 65_535), 50_051)
    .option(
      '--nats-url <urls>',
      'NATS servers, separated by commas',
      given(environment['NATS_URL']) ?? 'nats://127.0.0.1:4222',
    )
    .option('--nats-stream <name>', 'stream with the messages of engines', 'KV_EVENTS')
    .option('--nats-subject-prefix <prefix>', 'what its subjects begin with', 'kv.ev')
    .option('--nats-creds <path>', 'file with a JWT and its seed', environment['NATS_CREDS'])
    .option('--redis-url <url>', 'Redis that mirrors the index', given(environment['REDIS_URL']))
    .option('--redis-namespace <name>', 'what its keys in Redis begin with', 'kv')
    .option(
      '--redis-lease <duration>',
      'how long another replica waits after the one that writes to Redis fell silent',
      duration(1000),
      15_000,
    )
    .option('--block-size <tokens>', 'tokens in a block of the index', wholeNumber(1), 16)
    .addOption(
      new Option('--hash-algorithm <name>', 'hash of the request keys')
        .choices(['cbor-fnv', 'xxh64'])
        .default('cbor-fnv'),
    )
    .option('--hash-seed <text>', 'seed of the request keys', environment['HASH_SEED'] ?? '')
    .option('--max-index-bytes <n>', 'most memory of the index (default: no limit)', wholeNumber(1))
    .option('--snapshot-interval <duration>', 'time between two snapshots', duration(1000), 60_000)
    .option('--no-snapshots', 'take no snapshots; it begins with those of others nevertheless')
    .option(
      '--render-url <url>',
      'vLLM or render server that turns text into tokens',
      url,
      given(environment['RENDER_URL']),
    )
    .option('--render-timeout <duration>', 'longest wait for tokens', duration(1), 5000)
    .option('--max-body-bytes <n>', 'largest request body', wholeNumber(1), 32 * 1024 * 1024)
    .option('--drain-timeout <duration>', 'how long the end may take', duration(0), 25_000)
    .option('--no-legacy-metrics', 'expose metrics under their present names only')
    .addOption(
      new Option('--log-level <level>', 'least severe lines that are written')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      '\nEnvironment: NATS_URL, NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, REDIS_URL, HASH_SEED, RENDER_URL',
    )
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      await run(settle(flags, environment));
    });
}

interface Flags {
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly natsUrl: string;
  readonly natsStream: string;
  readonly natsSubjectPrefix: string;
  readonly natsCreds?: string;
  readonly redisUrl?: string;
  readonly redisNamespace: string;
  readonly redisLease: number;
  readonly blockSize: number;
  readonly hashAlgorithm: RequestKeyAlgorithm;
  readonly hashSeed: string;
  readonly maxIndexBytes?: number;
  readonly snapshotInterval: number;
  readonly snapshots: boolean;
  readonly renderUrl?: string;
  readonly renderTimeout: number;
  readonly maxBodyBytes: number;
  readonly drainTimeout: number;
  readonly legacyMetrics: boolean;
  readonly logLevel: KvIndexerOptions['logLevel'];
}

const settle = (flags: Flags, environment: Variables): KvIndexerOptions => ({
  host: flags.host,
  httpPort: flags.httpPort,
  grpcPort: flags.grpcPort,
  nats: {
    servers: flags.natsUrl.split(',').map((server) => server.trim()),
    stream: flags.natsStream,
    subjectPrefix: flags.natsSubjectPrefix,
    user: given(environment['NATS_USER']),
    password: environment['NATS_PASSWORD'],
    token: given(environment['NATS_TOKEN']),
    credsFile: given(flags.natsCreds),
  },
  redisUrl: given(flags.redisUrl),
  redisNamespace: flags.redisNamespace,
  redisLeaseMs: flags.redisLease,
  blockSizeTokens: flags.blockSize,
  hashAlgorithm: flags.hashAlgorithm,
  hashSeed: flags.hashSeed,
  maxIndexBytes: flags.maxIndexBytes,
  snapshotIntervalMs: flags.snapshotInterval,
  takesSnapshots: flags.snapshots,
  renderUrl: given(flags.renderUrl),
  renderTimeoutMs: flags.renderTimeout,
  maxBodyBytes: flags.maxBodyBytes,
  drainTimeoutMs: flags.drainTimeout,
  logLevel: flags.logLevel,
  legacyMetrics: flags.legacyMetrics,
});

const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const wholeNumber =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      const end = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
      throw new InvalidArgumentError(`expected a whole number from ${least}${end}`);
    }
    return value;
  };

const duration =
  (leastMs: number) =>
  (text: string): number => {
    const ms = parseGoDuration(text);
    if (ms === undefined || ms < leastMs) {
      throw new InvalidArgumentError(`expected a duration such as 60s, at least ${leastMs} ms`);
    }
    return ms;
  };

const url = (text: string): string => {
  const { protocol } = URL.parse(text) ?? {};
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw new InvalidArgumentError(`"${text}" is no http or https URL`);
};
