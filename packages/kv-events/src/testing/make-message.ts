// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';
import type {
  KvBatchMessage,
  KvGoneMessage,
  KvHeartbeatMessage,
  KvLossMessage,
} from '../kv-message.ts';
import { type EventSetup, encodeBatch } from './batch-encoding.ts';

/** Rank 0 of a pod that serves model `m`, in its first epoch `1`. */
export const makeSource = (
  pod: string,
  rest: Partial<Omit<KvEventSource, 'pod'>> = {},
): KvEventSource => ({ ...{ pod, dpRank: 0, model: 'm', epoch: '1' }, ...rest });

/** A batch received at time 0; spread another `receivedMs` over it where time matters. */
export const makeBatch = (
  source: KvEventSource,
  sequence: number,
  ...events: readonly EventSetup[]
): KvBatchMessage => ({
  kind: 'batch',
  source,
  sequence,
  receivedMs: 0,
  payload: encodeBatch(events, { dpRank: source.dpRank, timestampSeconds: sequence }),
});

/** Batches that will never come, noticed at time 0. */
export const makeLoss = (
  source: KvEventSource,
  fromSequence: number,
  untilSequence: number,
): KvLossMessage => ({
  ...{ kind: 'loss', source, fromSequence, untilSequence, receivedMs: 0 },
});

/** A sign of life at time 0. */
export const makeHeartbeat = (source: KvEventSource, sequence: number): KvHeartbeatMessage => ({
  ...{ kind: 'heartbeat', source, sequence, receivedMs: 0 },
});

/** A pod that is gone at time 0. */
export const makeGone = (pod: string): KvGoneMessage => ({ kind: 'gone', pod, receivedMs: 0 });
