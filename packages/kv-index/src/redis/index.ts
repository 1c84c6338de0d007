// SPDX-License-Identifier: Apache-2.0
export { createRedisKvBlockIndex } from './redis-kv-block-index.ts';
export { createKvRedisMirror } from './kv-redis-mirror.ts';
export { createKvRedisReader } from './kv-redis-reader.ts';
export { createUpstreamKvRedisWriter } from './upstream/upstream-kv-redis-writer.ts';
export { createUpstreamKvRedisReader } from './upstream/upstream-kv-redis-reader.ts';
export {
  KvRedisConnectError,
  KvRedisLayoutError,
  KvRedisUnavailableError,
} from './kv-redis-error.ts';

export type { RedisKvBlockIndex, RedisKvBlockIndexOptions } from './redis-kv-block-index.ts';
export type {
  KvRedisMirror,
  KvRedisMirrorOptions,
  KvRedisMirrorState,
  KvRedisMirrorStatus,
} from './kv-redis-mirror.ts';
export type { KvRedisReader, KvRedisReaderOptions, KvRedisReaderState } from './kv-redis-reader.ts';
export type { KvRedisConnectReason } from './kv-redis-error.ts';
export type { KvKeyScheme } from './key-scheme.ts';
export type { KvRedisTarget } from './redis-link.ts';
export type {
  UpstreamKvRedisWriter,
  UpstreamKvRedisWriterOptions,
  UpstreamKvRedisWriterStatus,
} from './upstream/upstream-kv-redis-writer.ts';
export type {
  UpstreamKvRedisReader,
  UpstreamKvRedisReaderOptions,
} from './upstream/upstream-kv-redis-reader.ts';
