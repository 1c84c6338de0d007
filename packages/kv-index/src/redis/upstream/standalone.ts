// SPDX-License-Identifier: Apache-2.0
import { Cluster, type Redis } from 'ioredis';
import { KvRedisConnectError, KvRedisLayoutError } from '../kv-redis-error.ts';
import type { RedisLink } from '../redis-link.ts';

/**
 * The client of a Redis that is no cluster. llm-d's keys have no hash tags: a row and the engine keys that lead to it
 * would be on different nodes, and could not be changed together.
 */
export async function standaloneOf({ client }: RedisLink): Promise<Redis> {
  if (client instanceof Cluster || (await isClusterNode(client))) {
    throw new KvRedisLayoutError(
      "llm-d's rows cannot be kept in a Redis Cluster: use one Redis, or the compact rows",
      '',
    );
  }
  return client;
}

async function isClusterNode(client: Redis): Promise<boolean> {
  try {
    return (await client.info('cluster')).includes('cluster_enabled:1');
  } catch (error) {
    throw new KvRedisConnectError('unreachable', 'the given address', { cause: error });
  }
}
