// SPDX-License-Identifier: Apache-2.0
import { goDuration, parseQuantity, type FormerParameter } from '@llm-d/scheduler-core';
import * as z from 'zod';

const port = z.int().min(1).max(65_535);
const flag = z.boolean();

const EXPECTED_SIZE = 'expected a size such as "2GiB" or 2147483648';
/** A size in bytes as Go programs read it: a quantity whose unit may end in B. */
const byteSize = z
  .union([z.string(), z.number()], { error: EXPECTED_SIZE })
  .transform((value, context) => {
    const plain =
      typeof value === 'string' ? value.replaceAll(/\s+/g, '').replace(/B$/, '') : value;
    const bytes = parseQuantity(plain);
    if (bytes !== undefined && bytes >= 1) return bytes;
    context.issues.push({ code: 'custom', message: EXPECTED_SIZE, input: value });
    return z.NEVER;
  });

/** Prefix of an address without one, as llm-d has it. */
const redisAddress = z
  .string()
  .min(1)
  .transform((address) => (address.includes('://') ? address : `redis://${address}`));

const DEFAULT_BLOCK_SIZE_TOKENS = 16;
const tokenProcessorConfig = z
  .strictObject({
    blockSizeTokens: z
      .int()
      .min(1)
      .optional()
      .meta({ default: DEFAULT_BLOCK_SIZE_TOKENS })
      .describe('Tokens in a block of the index; engines’ blocks may be multiples or divisors.'),
    blockSize: z.int().min(1).optional().describe('Deprecated: blockSizeTokens, which goes first.'),
    hashSeed: z.string().default('').describe('Separates indices that share one store.'),
    hashAlgorithm: z
      .enum(['cbor-fnv', 'xxh64'])
      .default('cbor-fnv')
      .describe('Hash that names blocks; llm-d’s, or one that is about five times faster.'),
  })
  .transform(({ blockSize, blockSizeTokens, ...rest }) => ({
    ...rest,
    blockSizeTokens: blockSizeTokens ?? blockSize ?? DEFAULT_BLOCK_SIZE_TOKENS,
  }));

const kvBlockIndexConfig = z.strictObject({
  inMemoryConfig: z
    .strictObject({
      size: z.int().min(1).default(100_000_000).describe('Most copies of blocks.'),
      podCacheSize: z
        .int()
        .min(1)
        .default(10)
        .describe('Accepted without effect: a block may be on any number of pods.'),
    })
    .optional()
    .describe('Keeps the index in memory, with a bound on blocks. The default.'),
  costAwareMemoryConfig: z
    .strictObject({
      size: byteSize.prefault('2GiB').describe('Most memory, at 75 bytes for a copy of a block.'),
    })
    .optional()
    .describe('Keeps the index in memory, with a bound on bytes. Goes before the others.'),
  redisConfig: z
    .strictObject({
      address: redisAddress
        .prefault('redis://127.0.0.1:6379')
        .describe('Server to look blocks up in; redis, rediss or unix.'),
    })
    .optional()
    .describe('Looks blocks up in Redis. Goes before inMemoryConfig.'),
  enableMetrics: flag.default(false).describe('Accepted without effect: metrics are always there.'),
  metricsLoggingInterval: goDuration.prefault(0).describe('Accepted without effect.'),
});

const indexerConfig = z.strictObject({
  kvBlockIndexConfig: kvBlockIndexConfig.prefault({}).describe('Where the index is kept.'),
  kvCacheBackendConfigs: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('Kind of memory: gpu, cpu, disk, shared, speculative.'),
        weight: z.number().min(0).max(1).describe('Worth of a block there.'),
      }),
    )
    .default([
      { name: 'gpu', weight: 1 },
      { name: 'cpu', weight: 0.8 },
    ])
    .describe(
      'What blocks are worth, by kind of memory. Others: disk 0.5, shared 0.4, speculative 1.',
    ),
  lookupTimeout: goDuration
    .prefault('50ms')
    .describe('Longest that a lookup in Redis may take; after that nothing is known.'),
  tokenizersPoolConfig: z.unknown().optional().describe('Deprecated, without effect.'),
});

const nats = z.strictObject({
  servers: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((given) => (typeof given === 'string' ? given.split(',') : given))
    .describe('Addresses of NATS servers, as a list or separated by commas.'),
  stream: z.string().min(1).default('KV_EVENTS').describe('JetStream stream with the events.'),
  subjectPrefix: z.string().min(1).default('kv.ev').describe('What its subjects begin with.'),
  heartbeatPrefix: z
    .string()
    .min(1)
    .default('kv.hb')
    .describe('What the subjects of heartbeats begin with.'),
  snapshotBucket: z
    .string()
    .min(1)
    .optional()
    .describe('Bucket with snapshots; the stream’s name and _SNAPSHOTS where it is not given.'),
  credentialsFile: z.string().min(1).optional().describe('Credentials file of a NATS account.'),
});

const kvEventsConfig = z.strictObject({
  zmqEndpoint: z
    .string()
    .default('')
    .describe('Address to bind, such as tcp://*:5557, for engines that connect to it.'),
  zmqEndpointRanks: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe('Data-parallel ranks that connect, each to the port one further on.'),
  topicFilter: z
    .string()
    .default('kv@')
    .describe('What the topics begin with that are listened to.'),
  concurrency: z.int().min(1).default(4).describe('Accepted without effect.'),
  engineType: z
    .enum(['vllm', 'sglang'])
    .default('vllm')
    .describe('Accepted without effect: events of both are understood.'),
  discoverPods: flag
    .default(true)
    .describe('Connects to every endpoint. Without effect with nats.'),
  podDiscoveryConfig: z
    .strictObject({
      podLabelSelector: z
        .string()
        .default('llm-d.ai/inference-serving=true')
        .describe('Accepted without effect: the picker’s endpoints are followed.'),
      podNamespace: z.string().default('').describe('Accepted without effect.'),
      socketPort: port.default(5557).describe('Port of events of rank 0; further ranks follow it.'),
      replaySocketPort: port
        .optional()
        .describe('Port of replays of rank 0; further ranks follow it. Without it there are none.'),
    })
    .prefault({})
    .describe('How endpoints are connected to.'),
  nats: nats.optional().describe('Takes events from NATS instead of from engines.'),
});

/** Parameters of `precise-prefix-cache-producer`. */
export const precisePrefixParameters = z.strictObject({
  tokenProcessorConfig: tokenProcessorConfig.prefault({}).describe('How blocks are named.'),
  indexerConfig: indexerConfig.prefault({}).describe('The index.'),
  kvEventsConfig: kvEventsConfig.prefault({}).describe('Where events come from.'),
  speculativeIndexing: flag
    .default(false)
    .describe('Takes the blocks of a request for cached where it was sent, before events say so.'),
  speculativeTTL: goDuration.prefault('2s').describe('How long that is believed.'),
  fallback: z
    .enum(['none', 'approximate'])
    .default('none')
    .describe('What is published where the index knows nothing to be trusted.'),
});

export type PrecisePrefixParameters = z.output<typeof precisePrefixParameters>;
export type KvEventsParameters = PrecisePrefixParameters['kvEventsConfig'];

/** What older configurations have. */
export const formerPrecisePrefixParameters: readonly FormerParameter[] = [
  { path: 'tokenProcessorConfig.blockSize', advice: 'use tokenProcessorConfig.blockSizeTokens' },
  {
    path: 'indexerConfig.tokenizersPoolConfig',
    advice: 'it has no effect; configure token-producer',
  },
];
