// SPDX-License-Identifier: Apache-2.0
import type { ReplayLimiter } from '@llm-d/kv-events/zmq';
import type { KvEventSources } from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';
import { sharedSockets } from './shared-socket.ts';

/** Engines over ZeroMQ. All of them share one limit of replays at a time. */
export function createZmqSources(): Pick<KvEventSources, 'followEndpoint' | 'bindForEngines'> {
  let replays: ReplayLimiter | undefined;
  const load = async () => {
    const zmq = await import('@llm-d/kv-events/zmq');
    replays ??= zmq.createReplayLimiter();
    return { zmq, replays };
  };
  return {
    followEndpoint: async (options) => {
      const { zmq, replays: shared } = await load();
      await zmq.followEngine({ ...options, replays: shared });
    },
    bindForEngines: sharedSockets(async ({ onBound, ...options }) => {
      const { zmq, replays: shared } = await load();
      const bound = await zmq.bindForEngines({ ...options, replays: shared });
      onBound(bound);
      await bound.done;
    }),
  };
}
