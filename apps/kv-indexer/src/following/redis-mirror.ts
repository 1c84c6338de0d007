// SPDX-License-Identifier: Apache-2.0
import { type Clock, systemRandom } from '@llm-d/determinism';
import { type KvRedisMirror, createKvRedisMirror } from '@llm-d/kv-index/redis';
import type { Metrics, Telemetry } from '@llm-d/telemetry';
import { mirrorPendingRows, mirrorState } from '../indexer-metrics.ts';
import type { KvIndexerOptions } from '../options.ts';

/** Connects to the Redis that options name; undefined where they name none. Rejects with KvRedisConnectError. */
export async function openMirror(
  options: KvIndexerOptions,
  { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
): Promise<KvRedisMirror | undefined> {
  const { redisUrl, redisNamespace: namespace, redisLeaseMs: leaseMs } = options;
  if (redisUrl === undefined) return undefined;
  const { blockSizeTokens, hashAlgorithm: algorithm, hashSeed } = options;
  return createKvRedisMirror({
    redis: redisUrl,
    keys: { blockSizeTokens, algorithm, hashSeed },
    random: systemRandom,
    ...{ namespace, leaseMs, clock, telemetry },
  });
}

/** Every state of a mirror, so that those it is not in are seen to be 0. */
const STATES = ['idle', 'standby', 'filling', 'current', 'failing'] as const;

/** Says in metrics how the rows in Redis are. */
export function observeMirror(mirror: Pick<KvRedisMirror, 'status'>, metrics: Metrics): void {
  const { state, pendingRows } = mirror.status();
  metrics.gauge(mirrorPendingRows, {}).set(pendingRows);
  for (const one of STATES) {
    metrics.gauge(mirrorState, { state: one }).set(one === state ? 1 : 0);
  }
}
