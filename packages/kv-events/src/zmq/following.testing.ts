// SPDX-License-Identifier: Apache-2.0
import { createRandom, systemClock } from '@llm-d/determinism';
import { noopTracer } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import { replayCompletedTotal } from '../kv-event-metrics.ts';
import type { KvMessage } from '../kv-message.ts';
import { type EngineSocket, encodeBatch, stored } from '../testing/index.ts';
import { type FollowEngineOptions, followEngine } from './follow-engine.ts';

/** Waits for something to become true; fails the test by its time limit otherwise. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A message in a few characters: `2` a batch, `0-1?` a loss, `3!` a heartbeat, each with its epoch before it. */
export const short = (message: KvMessage): string => {
  switch (message.kind) {
    case 'batch':
      return `${message.source.epoch}:${message.sequence}`;
    case 'loss':
      return `${message.source.epoch}:${message.fromSequence}-${message.untilSequence}?`;
    case 'heartbeat':
      return `${message.source.epoch}:${message.sequence}!`;
    case 'gone':
      return `${message.pod} gone`;
  }
};

export const observed = () => {
  const metrics = recordingMetrics();
  const logger = recordingLogger();
  return { metrics, logger, telemetry: { metrics, logger, tracer: noopTracer } };
};

/** Follows an engine until disposed of, and keeps the messages. Short limits; no heartbeats within a test's time. */
export function following(
  engine: Pick<EngineSocket, 'endpoint' | 'replayEndpoint'>,
  rest: Partial<FollowEngineOptions> = {},
) {
  const messages: KvMessage[] = [];
  const ending = new AbortController();
  const { metrics, logger, telemetry } = observed();
  const done = followEngine({
    endpoint: engine.endpoint,
    replayEndpoint: engine.replayEndpoint,
    ...{ pod: 'a', dpRank: 0, epoch: 'e' },
    onMessage: (message) => void messages.push(message),
    clock: systemClock,
    random: createRandom(1),
    telemetry,
    signal: ending.signal,
    idleReplayMs: 300,
    heartbeatMs: 3_600_000,
    ...rest,
  });
  return {
    messages,
    metrics,
    logger,
    done,
    seen: () => messages.map(short),
    /** Waits for a catching up to end. */
    caughtUp: () => until(() => metrics.value(replayCompletedTotal, { pod_identifier: 'a' }) > 0),
    /** Waits for so many messages. */
    count: (messageCount: number) => until(() => messages.length >= messageCount),
    stop: async () => {
      ending.abort();
      await done;
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await done;
    },
  };
}

/** A payload that no other batch has. `life` tells processes apart, as an engine's clock does. */
export const payload = (number: number, life = 0): Uint8Array =>
  encodeBatch([stored({ hashes: [BigInt(number + 1)], tokens: [number % 1000, 2] })], {
    timestampSeconds: 1000 * life + number + 0.5,
  });

/** Publishes so many batches one after the other. */
export async function publish(engine: EngineSocket, batches: number, life = 0): Promise<void> {
  for (let i = 0; i < batches; i++) await engine.publish(payload(i, life));
}

/** `e:0`, `e:1`, … as {@link short} writes them. */
export const run = (from: number, to: number, epoch = 'e'): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${epoch}:${from + i}`);
