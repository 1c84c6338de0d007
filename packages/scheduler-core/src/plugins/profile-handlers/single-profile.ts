// SPDX-License-Identifier: Apache-2.0
import type { ProfileHandler } from '../../plugin-contracts.ts';

const DONE: readonly string[] = [];

/** Runs the only profile there is, once. */
export const singleProfile: ProfileHandler = {
  next: (_cycle, profiles, outcomes) => (outcomes.size === 0 ? profiles : DONE),
  primary: (_cycle, outcomes) => {
    const [primary] = outcomes.keys();
    if (primary === undefined) throw new Error('there must be a profile');
    return primary;
  },
};
