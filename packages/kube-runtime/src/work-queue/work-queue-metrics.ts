// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { defineCounter, defineGauge, defineHistogram, type Metrics } from '@llm-d/telemetry';

const labels = ['name', 'controller'] as const;
/** 10 ns to 1000 s, each ten times the one before. */
const durations = Array.from({ length: 12 }, (_, exponent) => Number(`1e${exponent - 8}`));

export const workQueueDepth = defineGauge(
  'workqueue_depth',
  'Current depth of workqueue by workqueue and priority',
  ['name', 'controller', 'priority'],
);
export const workQueueAdds = defineCounter(
  'workqueue_adds_total',
  'Total number of adds handled by workqueue',
  labels,
);
export const workQueueWait = defineHistogram(
  'workqueue_queue_duration_seconds',
  'How long in seconds an item stays in workqueue before being requested',
  durations,
  labels,
);
export const workQueueWork = defineHistogram(
  'workqueue_work_duration_seconds',
  'How long in seconds processing an item from workqueue takes.',
  durations,
  labels,
);
export const workQueueUnfinished = defineGauge(
  'workqueue_unfinished_work_seconds',
  "How many seconds of work has been done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
  labels,
);
export const workQueueLongest = defineGauge(
  'workqueue_longest_running_processor_seconds',
  'How many seconds has the longest running processor for workqueue been running.',
  labels,
);
export const workQueueRetries = defineCounter(
  'workqueue_retries_total',
  'Total number of retries handled by workqueue',
  labels,
);

/** What work queues measure, under the names of client-go and the labels of controller-runtime. */
export const workQueueMetrics = [
  workQueueDepth,
  workQueueAdds,
  workQueueWait,
  workQueueWork,
  workQueueUnfinished,
  workQueueLongest,
  workQueueRetries,
] as const;

/** The measurements of one queue. */
export interface WorkQueueRecorder<K> {
  added(key: K): void;
  retried(): void;
  started(key: K): void;
  finished(key: K): void;
  /** The queue is over: nothing waits and nothing is worked on. */
  closed(): void;
}

/** How often the age of unfinished work is told, as client-go does. */
const REFRESH_MS = 500;

export function recordWorkQueue<K>(
  name: string,
  metrics: Metrics,
  clock: Clock,
): WorkQueueRecorder<K> {
  const own = { name, controller: name };
  const depth = metrics.gauge(workQueueDepth, { ...own, priority: '' });
  const adds = metrics.counter(workQueueAdds, own);
  const wait = metrics.histogram(workQueueWait, own);
  const work = metrics.histogram(workQueueWork, own);
  const retries = metrics.counter(workQueueRetries, own);
  const unfinished = metrics.gauge(workQueueUnfinished, own);
  const longest = metrics.gauge(workQueueLongest, own);
  const queuedAt = new Map<K, number>();
  const startedAt = new Map<K, number>();
  let timer: Timer | undefined;
  const refresh = (): void => {
    const ages = [...startedAt.values()].map((atMs) => (clock.nowMs() - atMs) / 1000);
    unfinished.set(ages.reduce((sum, age) => sum + age, 0));
    longest.set(Math.max(0, ...ages));
  };
  const keepFresh = (): void => {
    if (startedAt.size === 0) return;
    timer ??= clock.schedule(REFRESH_MS, () => {
      timer = undefined;
      refresh();
      keepFresh();
    });
  };
  const rest = (): void => {
    if (startedAt.size > 0) return;
    timer?.cancel();
    timer = undefined;
    refresh();
  };
  return {
    added: (key) => {
      adds.inc();
      depth.add(1);
      queuedAt.set(key, clock.nowMs());
    },
    retried: () => {
      retries.inc();
    },
    started: (key) => {
      depth.add(-1);
      wait.observe((clock.nowMs() - (queuedAt.get(key) ?? clock.nowMs())) / 1000);
      queuedAt.delete(key);
      startedAt.set(key, clock.nowMs());
      keepFresh();
    },
    finished: (key) => {
      const atMs = startedAt.get(key);
      if (atMs === undefined) return;
      work.observe((clock.nowMs() - atMs) / 1000);
      startedAt.delete(key);
      rest();
    },
    closed: () => {
      depth.add(-queuedAt.size);
      queuedAt.clear();
      startedAt.clear();
      rest();
    },
  };
}
