import { VirtualClock } from '@llm-d/determinism';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import {
  createStreamMetrics,
  streamDurationSeconds,
  streamsInflight,
  streamsTotal,
} from './stream-metrics.ts';

test('streams are counted while they are open, measured, and told apart by their end', () => {
  const clock = new VirtualClock();
  const metrics = recordingMetrics();
  const streams = createStreamMetrics(metrics, clock);
  const [first, second] = [streams.opened(), streams.opened()];
  expect(metrics.value(streamsInflight, {})).toBe(2);
  clock.advance(250);
  first.closed('natural');
  second.closed('client-disconnect');
  expect(metrics.value(streamsInflight, {})).toBe(0);
  expect(metrics.observations(streamDurationSeconds, {})).toEqual([0.25, 0.25]);
  expect(['OK', 'Canceled'].map((code) => metrics.value(streamsTotal, { code }))).toEqual([1, 1]);
});
