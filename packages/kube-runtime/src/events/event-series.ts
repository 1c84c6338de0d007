// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';

/** Something that happened, to be told to people. */
export interface EventNote {
  /** `Warning` where somebody may have to do something. */
  readonly type: 'Normal' | 'Warning';
  /** Why, as one word for programs, such as `ApplyFailed`. */
  readonly reason: string;
  /** What we did or tried, as one word, such as `Reconcile`. */
  readonly action: string;
  /** What happened, for people. Cut after 1024 bytes. */
  readonly note: string;
  /** Another object that has to do with it. */
  readonly related?: KubeObject;
}

/** The same thing happening again and again. */
export interface EventSeries {
  /** The event that stands for all of them. */
  readonly key: { readonly name: string; readonly namespace: string };
  count: number;
  lastMs: number;
  /** How many of them the API server knows of. */
  written: number;
}

/** Series by what they are about, those that were silent longest forgotten first. */
export interface SeriesCache {
  /** The series that goes on, if it was not silent for too long. */
  find(id: string, nowMs: number): EventSeries | undefined;
  begin(id: string, series: EventSeries): void;
  drop(id: string): void;
  readonly size: number;
}

export function createSeriesCache(options: {
  readonly maxSeries: number;
  readonly silenceMs: number;
}): SeriesCache {
  // In the order of their last event.
  const series = new Map<string, EventSeries>();
  return {
    find: (id, nowMs) => {
      const known = series.get(id);
      if (known === undefined) return undefined;
      series.delete(id);
      if (nowMs - known.lastMs > options.silenceMs) return undefined;
      series.set(id, known);
      return known;
    },
    begin: (id, begun) => {
      series.set(id, begun);
      const [oldest] = series.keys();
      if (series.size > options.maxSeries && oldest !== undefined) series.delete(oldest);
    },
    drop: (id) => {
      series.delete(id);
    },
    get size() {
      return series.size;
    },
  };
}

/** Equal for events that are the same. */
export const seriesIdOf = ({ kind, metadata }: KubeObject, event: EventNote): string =>
  JSON.stringify([
    metadata.uid ?? [kind, metadata.namespace, metadata.name],
    event.type,
    event.reason,
    event.action,
    event.note,
    event.related?.metadata.uid ?? event.related?.metadata.name,
  ]);
