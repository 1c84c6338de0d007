// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Counter, Logger, Metrics, Telemetry } from '@llm-d/telemetry';
import {
  droppedMessagesTotal,
  gapsTotal,
  messagesReceivedTotal,
  replayCompletedTotal,
  replayFailuresTotal,
  replayProcessedTotal,
  subscriberReconnectionsTotal,
  zmqErrorsTotal,
} from '../kv-event-metrics.ts';
import { type LogLimiter, createLogLimiter } from '../log-limiter.ts';

/** What can go wrong at an engine's sockets; llm-d's words, and `deliver` for whoever takes the messages. */
export type EngineOperation =
  | 'recv'
  | 'replay-connect'
  | 'replay-capacity'
  | 'replay-incomplete'
  | 'replay-no-progress'
  | 'deliver';

const OPERATIONS: readonly EngineOperation[] = [
  'recv',
  'replay-connect',
  'replay-capacity',
  'replay-incomplete',
  'replay-no-progress',
  'deliver',
];

/** What is counted and written about one engine. */
export class EngineTelemetry {
  readonly received: Counter;
  readonly dropped: Counter;
  readonly gaps: Counter;
  readonly reconnections: Counter;
  readonly replayed: Counter;
  readonly replaysCompleted: Counter;
  readonly replaysFailed: Counter;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #pod: string;
  readonly #errorLog: LogLimiter;

  constructor({ metrics, logger }: Telemetry, pod: string, clock: Clock) {
    const labels = { pod_identifier: pod };
    this.received = metrics.counter(messagesReceivedTotal, labels);
    this.dropped = metrics.counter(droppedMessagesTotal, labels);
    this.gaps = metrics.counter(gapsTotal, labels);
    this.reconnections = metrics.counter(subscriberReconnectionsTotal, labels);
    this.replayed = metrics.counter(replayProcessedTotal, labels);
    this.replaysCompleted = metrics.counter(replayCompletedTotal, labels);
    this.replaysFailed = metrics.counter(replayFailuresTotal, labels);
    this.#metrics = metrics;
    this.#logger = logger.with({ pod });
    this.#pod = pod;
    this.#errorLog = createLogLimiter(clock);
  }

  error(operation: EngineOperation, problem: string, error?: unknown): void {
    this.#metrics.counter(zmqErrorsTotal, { pod_identifier: this.#pod, operation }).inc();
    this.#errorLog.write((keptBack) => {
      const cause = error === undefined ? {} : { error };
      this.#logger.warn('trouble with the KV events of an engine', {
        ...{ operation, problem, keptBack },
        ...cause,
      });
    });
  }

  /** The engine has begun anew without anybody having said so. */
  restarted(epoch: string): void {
    this.#logger.info('an engine seems to have restarted: its KV events begin anew', { epoch });
  }

  /** Takes its series away. */
  forget(): void {
    const labels = { pod_identifier: this.#pod };
    const definitions = [
      ...[messagesReceivedTotal, droppedMessagesTotal, gapsTotal, subscriberReconnectionsTotal],
      ...[replayProcessedTotal, replayCompletedTotal, replayFailuresTotal],
    ];
    for (const definition of definitions) this.#metrics.remove(definition, labels);
    for (const operation of OPERATIONS) {
      this.#metrics.remove(zmqErrorsTotal, { ...labels, operation });
    }
  }
}
