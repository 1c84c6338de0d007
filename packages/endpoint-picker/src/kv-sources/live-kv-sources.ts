// SPDX-License-Identifier: Apache-2.0
import type { KvEventSources } from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';
import { followNatsBus } from './follow-nats-bus.ts';
import { openRemoteRedis } from './open-remote-redis.ts';
import { createZmqSources } from './zmq-sources.ts';

/**
 * KV events over ZeroMQ and NATS, and lookups in Redis. Each client library is loaded when a configuration first needs
 * it: installations without one of them do not pay for it.
 */
export function createLiveKvSources(): KvEventSources {
  return { ...createZmqSources(), followBus: followNatsBus, openRedis: openRemoteRedis };
}
