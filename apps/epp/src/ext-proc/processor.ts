// SPDX-License-Identifier: Apache-2.0
import type { GrpcHandler } from '@llm-d/grpc-server';
import { Session } from './session.ts';
import type { SessionContext } from './session-context.ts';
import type { StreamMetrics } from './stream-metrics.ts';

/** Serves the proxy: a session for each of its streams. */
export interface Processor {
  readonly handler: GrpcHandler;
  /** Streams that are open. */
  readonly streams: number;
  /** Refuses every request that has no place yet. */
  shutDown(): void;
}

/**
 * A processor whose sessions get what `contextOf` gives when they begin. Streams are measured where `metrics` says how.
 */
export function createProcessor(
  contextOf: () => SessionContext,
  metrics?: StreamMetrics,
): Processor {
  const sessions = new Set<Session>();
  return {
    handler: (stream) => {
      const measured = metrics?.opened();
      const session = new Session(stream, contextOf(), {
        closed: (termination) => {
          sessions.delete(session);
          measured?.closed(termination);
        },
      });
      sessions.add(session);
      return session;
    },
    get streams() {
      return sessions.size;
    },
    shutDown: () => {
      for (const session of sessions) session.shutDown();
    },
  };
}
