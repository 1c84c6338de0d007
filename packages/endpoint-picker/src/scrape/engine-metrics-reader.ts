// SPDX-License-Identifier: Apache-2.0
import type { EngineMetrics } from '@llm-d/scheduler-core';
import type { EngineMapping, InfoSpec } from './engine-mapping.ts';
import { createMetricReader, type MetricReader, type Sample } from './exposition-reader.ts';
import type { MetricSpec } from './metric-spec.ts';

/** Turns the exposition of one engine into {@link EngineMetrics}. Keep one per endpoint. */
export interface EngineMetricsReader {
  /**
   * Reads what the mapping names. A metric that is not there counts as 0, or undefined where undefined is
   * allowed. Several series of one metric (one per data-parallel rank) are added up, cache usage is their mean.
   */
  read(exposition: Buffer, nowMs: number): EngineMetrics;
}

/** A reader by `mapping`. */
export function createEngineMetricsReader(mapping: EngineMapping): EngineMetricsReader {
  const readers = new Map<string, MetricReader>();
  const samplesOf = (text: Buffer, { name, labels }: MetricSpec): readonly Sample[] => {
    let reader = readers.get(name);
    if (reader === undefined) readers.set(name, (reader = createMetricReader(name)));
    const samples = reader.read(text);
    const wanted = Object.entries(labels);
    return wanted.length === 0
      ? samples
      : samples.filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value));
  };
  const sum = (text: Buffer, spec: MetricSpec | undefined): number =>
    spec === undefined ? 0 : samplesOf(text, spec).reduce((total, { value }) => total + value, 0);
  const mean = (text: Buffer, spec: MetricSpec | undefined): number => {
    if (spec === undefined) return 0;
    const samples = samplesOf(text, spec);
    return samples.reduce((total, { value }) => total + value, 0) / Math.max(1, samples.length);
  };
  const number = (text: Buffer, spec: InfoSpec | undefined): number | undefined => {
    const sample = spec && samplesOf(text, spec.metric)[0];
    if (spec === undefined || sample === undefined) return undefined;
    const value = spec.label === undefined ? sample.value : Number(sample.labels[spec.label]);
    return Number.isFinite(value) && value > 0 ? value : undefined;
  };

  return {
    read: (text, nowMs) => ({
      waitingRequests: sum(text, mapping.waitingRequests),
      runningRequests: sum(text, mapping.runningRequests),
      kvCacheUsage: mean(text, mapping.kvCacheUsage),
      kvBlockSizeTokens: number(text, mapping.kvBlockSizeTokens),
      kvBlocks: number(text, mapping.kvBlocks),
      ...loras(mapping.lora === undefined ? [] : samplesOf(text, mapping.lora)),
      custom: Object.fromEntries(
        Object.entries(mapping.custom).map(([key, spec]) => [key, sum(text, spec)]),
      ),
      updatedAtMs: nowMs,
    }),
  };
}

type LoraMetrics = Pick<EngineMetrics, 'activeLoras' | 'waitingLoras' | 'maxLoras'>;
const NO_LORAS: LoraMetrics = { activeLoras: [], waitingLoras: [], maxLoras: 0 };

/** vLLM leaves old label sets in its output; the value is a time stamp, and the newest one counts. */
function loras(samples: readonly Sample[]): LoraMetrics {
  let newest: Sample | undefined;
  for (const sample of samples) {
    if (newest === undefined || sample.value > newest.value) newest = sample;
  }
  if (newest === undefined) return NO_LORAS;
  const list = (label: string): readonly string[] =>
    (newest.labels[label] ?? '')
      .split(',')
      .map((adapter) => adapter.trim())
      .filter((adapter) => adapter !== '');
  const maxLoras = Number(newest.labels['max_lora']);
  return {
    activeLoras: list('running_lora_adapters'),
    waitingLoras: list('waiting_lora_adapters'),
    maxLoras: Number.isFinite(maxLoras) ? maxLoras : 0,
  };
}
