// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import {
  admit,
  closedBreaker,
  settle,
  type BreakerResult,
  type BreakerSettings,
  type BreakerState,
} from './circuit-breaker.ts';

/** A circuit breaker for every server. */
export interface Breakers {
  /** Takes a place for one request; undefined where none may go there now. To be ended once. */
  enter(hostPort: string): BreakerTicket | undefined;
  /** Servers that get no requests, or one to find out. */
  readonly open: number;
}

export interface BreakerTicket {
  end(result: BreakerResult): void;
}

export interface BreakersOptions {
  readonly settings: BreakerSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Servers that are remembered. Default 1024. */
  readonly maxServers?: number;
}

/** Breakers that are all closed. */
export function createBreakers(options: BreakersOptions): Breakers {
  const { settings, clock, logger, maxServers = 1024 } = options;
  /** Servers in perfect health have no entry. */
  const states = new Map<string, BreakerState>();
  const put = (hostPort: string, state: BreakerState): void => {
    states.delete(hostPort);
    if (state.kind === 'closed' && state.failures === 0) return;
    states.set(hostPort, state);
    const [oldest] = states.keys();
    if (states.size > maxServers && oldest !== undefined) states.delete(oldest);
  };
  const end = (hostPort: string, result: BreakerResult): void => {
    const before = states.get(hostPort) ?? closedBreaker;
    const after = settle(before, result, { nowMs: clock.nowMs(), settings });
    if (after === before) return;
    put(hostPort, after);
    if (after.kind === 'open' && result === 'failed') {
      logger.warn('prefiller is left out', { target: hostPort, forMs: settings.openMs });
    } else if (after.kind === 'closed' && before.kind !== 'closed') {
      logger.info('prefiller is back', { target: hostPort });
    }
  };
  return {
    enter: (hostPort) => {
      const before = states.get(hostPort) ?? closedBreaker;
      const { admitted, state } = admit(before, clock.nowMs());
      if (!admitted) return undefined;
      if (state !== before) put(hostPort, state);
      let ended = false;
      return {
        end: (result) => {
          if (!ended) end(hostPort, result);
          ended = true;
        },
      };
    },
    get open() {
      let open = 0;
      for (const { kind } of states.values()) if (kind !== 'closed') open++;
      return open;
    },
  };
}
