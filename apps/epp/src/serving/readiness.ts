// SPDX-License-Identifier: Apache-2.0
import type { Health, HealthProvider } from '@llm-d/grpc-server';
import { externalProcessorService } from '@llm-d/protos';

/** Whether this process wants requests, told to everybody who asks. */
export interface Readiness extends HealthProvider {
  /** Why it does not; undefined when it does. */
  readonly notReady: string | undefined;
  /** From now on it does not. */
  drain(): void;
}

/** What must be so before this process wants requests. */
export interface ReadinessGate {
  /** Why requests cannot be placed yet; undefined when they can. */
  readonly notReady: string | undefined;
  /** Whether replicas compete, of which one is ready. */
  readonly electsLeader: boolean;
  /** Calls `watcher` whenever {@link notReady} may be another one; returns how to stop that. */
  onChange(watcher: () => void): () => void;
}

/** Health checks that ask whether the process lives, not whether it wants requests. */
const LIVENESS = 'liveness';
/** The names that are answered with readiness where replicas compete. */
const READINESS: ReadonlySet<string> = new Set(['', 'readiness', externalProcessorService]);

/**
 * Readiness of one replica: that of the gate, until the drain. `liveness` is answered with whether the process is alive, every
 * other service name, such as `inference-extension` of llm-d's charts, with whether it wants requests. Where replicas compete
 * only the names that llm-d knows then are answered. An empty pool wants requests too, for it may be waiting to be scaled up.
 */
export function createReadiness(gate?: ReadinessGate): Readiness {
  const watchers = new Set<() => void>();
  const tell = (): void => {
    for (const changed of watchers) changed();
  };
  let draining = false;
  gate?.onChange(tell);
  const notReady = (): string | undefined =>
    draining ? 'the endpoint picker is shutting down' : gate?.notReady;
  return {
    get notReady() {
      return notReady();
    },
    drain: () => {
      draining = true;
      tell();
    },
    status: (service): Health | undefined => {
      if (service === LIVENESS) return 'serving';
      if (gate?.electsLeader === true && !READINESS.has(service)) return undefined;
      return notReady() === undefined ? 'serving' : 'not-serving';
    },
    subscribe: (changed) => {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
  };
}
