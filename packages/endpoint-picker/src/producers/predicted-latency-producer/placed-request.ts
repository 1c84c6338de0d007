// SPDX-License-Identifier: Apache-2.0
import type { Completion } from '@llm-d/scheduler-core';
import type { LatencyObjectives } from './latency-objectives.ts';
import type { LatencySeries } from './predicted-latency-metrics.ts';
import type { LatencyFeatures, TrainingSample } from './predictor-wire.ts';

/** A request on its way, with what was expected of it. */
export interface PlacedRequest {
  readonly startedMs: number;
  readonly objectives: LatencyObjectives;
  readonly series: LatencySeries;
  /** Of the endpoint that computes the prompt. */
  readonly ttftFeatures: LatencyFeatures;
  /** Of the endpoint that generates. */
  readonly tpotFeatures: LatencyFeatures;
  readonly predictedTtftMs: number | undefined;
  readonly predictedTpotMs: number | undefined;
  /** Undefined until the answer's first byte passed. */
  firstByteMs: number | undefined;
  /** Takes it out of what runs on its endpoint. */
  readonly leave: () => void;
}

interface ObservationContext {
  /** Whether the first token can be told from the whole answer. */
  readonly streamingMode: boolean;
  /** RFC 3339. */
  readonly timestamp: string;
}

/**
 * Measures an answer that is over: the first token, or where answers are not watched token by token the whole answer
 * in its place, and the mean time of further tokens. Returns what the predictor learns from it: nothing from an answer
 * that failed.
 */
export function observe(
  placed: PlacedRequest,
  completion: Completion,
  { streamingMode, timestamp }: ObservationContext,
): readonly TrainingSample[] {
  const { series, objectives, predictedTtftMs, predictedTpotMs } = placed;
  const isGood = completion.status === undefined || completion.status < 400;
  const isWhole = completion.termination === 'natural';
  const endMs = completion.atMs - placed.startedMs;
  const ttftMs = streamingMode ? placed.firstByteMs : isWhole ? endMs : undefined;
  const samples: TrainingSample[] = [];
  if (!isGood || completion.termination === 'error') return samples;
  if (ttftMs === undefined || ttftMs <= 0) return samples;

  series.observed('ttft', {
    actualMs: ttftMs,
    predictedMs: predictedTtftMs,
    objectiveMs: objectives.ttftMs,
  });
  const times = { actual_tpot_ms: 0, timestamp };
  samples.push({
    ...placed.ttftFeatures,
    num_tokens_generated: 0,
    actual_ttft_ms: ttftMs,
    ...times,
  });

  const tokens = completion.usage?.completionTokens ?? completion.streamedEvents ?? 0;
  if (!streamingMode || !isWhole || tokens < 2) return samples;
  const tpotMs = (endMs - ttftMs) / (tokens - 1);
  if (tpotMs <= 0) return samples;
  series.observed('tpot', {
    actualMs: tpotMs,
    predictedMs: predictedTpotMs,
    objectiveMs: objectives.tpotMs,
  });
  samples.push({
    ...placed.tpotFeatures,
    num_tokens_generated: 0,
    prefix_cache_score: 0,
    encoder_input_size: 0,
    encoder_matched_size: 0,
    actual_ttft_ms: 0,
    actual_tpot_ms: tpotMs,
    timestamp,
  });
  return samples;
}
