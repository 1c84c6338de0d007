// SPDX-License-Identifier: Apache-2.0

/** Lets so many replays run at once, so that a fleet that comes back does not come back all together. */
export interface ReplayLimiter {
  /** Runs `replay` when it is its turn; rejects with the signal's reason if that fires first. */
  run<T>(replay: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** First come, first served. Share one between everything that follows engines. Default 8 at once. */
export function createReplayLimiter({ atOnce = 8 } = {}): ReplayLimiter {
  let running = 0;
  const waiting = new Set<() => void>();
  const turn = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const go = () => {
        waiting.delete(go);
        signal.removeEventListener('abort', abort);
        running++;
        resolve();
      };
      const abort = () => {
        waiting.delete(go);
        reject(signal.reason as Error);
      };
      if (signal.aborted) abort();
      else if (running < atOnce) go();
      else {
        waiting.add(go);
        signal.addEventListener('abort', abort, { once: true });
      }
    });
  return {
    run: async (replay, signal) => {
      await turn(signal);
      try {
        return await replay();
      } finally {
        running--;
        const [next] = waiting;
        next?.();
      }
    },
  };
}
