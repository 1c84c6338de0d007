// SPDX-License-Identifier: Apache-2.0

/** Things that are ending, and when all of them have. */
export interface Stops {
  /** Ends something, without waiting for it. */
  begin(thing: { stop(): Promise<void> } | undefined): void;
  /** Resolves when everything that was begun has ended. */
  all(): Promise<void>;
}

/** Nothing is ending yet. */
export function createStops(): Stops {
  const ending = new Set<Promise<void>>();
  return {
    begin: (thing) => {
      if (thing === undefined) return;
      const stopping = thing.stop();
      ending.add(stopping);
      void stopping.finally(() => ending.delete(stopping));
    },
    all: async () => {
      await Promise.all(ending);
    },
  };
}
