// SPDX-License-Identifier: Apache-2.0
import { defineCounter, defineGauge, defineHistogram, type Metrics } from '@llm-d/telemetry';

export const reconcileTotal = defineCounter(
  'controller_runtime_reconcile_total',
  'Total number of reconciliations per controller',
  ['controller', 'result'],
);
export const reconcileErrors = defineCounter(
  'controller_runtime_reconcile_errors_total',
  'Total number of reconciliation errors per controller',
  ['controller'],
);
export const terminalReconcileErrors = defineCounter(
  'controller_runtime_terminal_reconcile_errors_total',
  'Total number of terminal reconciliation errors per controller',
  ['controller'],
);
export const reconcilePanics = defineCounter(
  'controller_runtime_reconcile_panics_total',
  'Total number of reconciliation panics per controller',
  ['controller'],
);
export const reconcileTimeouts = defineCounter(
  'controller_runtime_reconcile_timeouts_total',
  'Total number of reconciliation timeouts per controller',
  ['controller'],
);
export const reconcileTime = defineHistogram(
  'controller_runtime_reconcile_time_seconds',
  'Length of time per reconciliation per controller',
  [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
  ],
  ['controller'],
);
export const maxConcurrentReconciles = defineGauge(
  'controller_runtime_max_concurrent_reconciles',
  'Maximum number of concurrent reconciles per controller',
  ['controller'],
);
export const activeWorkers = defineGauge(
  'controller_runtime_active_workers',
  'Number of currently used workers per controller',
  ['controller'],
);

/** What controllers measure, under the names of controller-runtime. */
export const controllerMetrics = [
  reconcileTotal,
  reconcileErrors,
  terminalReconcileErrors,
  reconcilePanics,
  reconcileTimeouts,
  reconcileTime,
  maxConcurrentReconciles,
  activeWorkers,
] as const;

/** How a reconciliation ended. */
export type ReconcileEnd =
  | 'success'
  | 'requeue_after'
  /** It failed, and so it may again: later. */
  | 'error'
  /** It failed for good. */
  | 'terminal'
  /** It failed by a fault of its own. */
  | 'panic'
  /** It did not end in its time. */
  | 'timeout'
  /** It was told to stop. */
  | 'stopped';

/** The measurements of one controller. */
export interface ControllerRecorder {
  workers(count: number): void;
  started(): void;
  ended(end: ReconcileEnd, durationMs: number): void;
}

export function recordController(controller: string, metrics: Metrics): ControllerRecorder {
  const own = { controller };
  const active = metrics.gauge(activeWorkers, own);
  const time = metrics.histogram(reconcileTime, own);
  const errors = metrics.counter(reconcileErrors, own);
  const byKind = {
    terminal: metrics.counter(terminalReconcileErrors, own),
    panic: metrics.counter(reconcilePanics, own),
    timeout: metrics.counter(reconcileTimeouts, own),
  };
  const total = (result: string) => metrics.counter(reconcileTotal, { controller, result });
  const results = {
    success: total('success'),
    requeue_after: total('requeue_after'),
    error: total('error'),
  };
  return {
    workers: (count) => {
      metrics.gauge(maxConcurrentReconciles, own).set(count);
    },
    started: () => {
      active.add(1);
    },
    ended: (end, durationMs) => {
      active.add(-1);
      time.observe(durationMs / 1000);
      if (end === 'stopped') return;
      if (end === 'success' || end === 'requeue_after') {
        results[end].inc();
        return;
      }
      results.error.inc();
      errors.inc();
      if (end !== 'error') byKind[end].inc();
    },
  };
}
