// SPDX-License-Identifier: Apache-2.0
import type { Target } from './target.ts';

/** Which servers a header may name. */
export interface AllowList {
  allows(target: Target): boolean;
  /** Why it is not complete yet, so that nobody can be let in; undefined once it is. */
  readonly notReady: string | undefined;
  /** Ends what follows it. */
  stop(): Promise<void>;
}

/** Lets every server in. */
export const everyTarget: AllowList = {
  allows: () => true,
  notReady: undefined,
  stop: () => Promise.resolve(),
};

/** Lets those in that are listed, by host and port. */
export function listedTargets(targets: readonly Target[]): AllowList {
  const allowed = new Set(targets.map(({ hostPort }) => hostPort));
  return {
    allows: ({ hostPort }) => allowed.has(hostPort),
    notReady: undefined,
    stop: () => Promise.resolve(),
  };
}

/** Lets those in that one of several lists lets in. */
export const anyOf = (lists: readonly AllowList[]): AllowList => ({
  allows: (target) => lists.some((list) => list.allows(target)),
  get notReady() {
    return lists.find(({ notReady }) => notReady !== undefined)?.notReady;
  },
  stop: async () => {
    await Promise.all(lists.map((list) => list.stop()));
  },
});
