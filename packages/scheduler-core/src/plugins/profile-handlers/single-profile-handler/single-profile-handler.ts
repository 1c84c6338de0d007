// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

const DONE: readonly string[] = [];

/** Runs the only profile. */
export const singleProfileHandler = definePlugin({
  type: 'single-profile-handler',
  summary: 'Runs the only profile there is; its choice is the destination.',
  stability: 'beta',
  points: ['profile-handler'],
  parameters: noParameters,
  create: () => ({
    profileHandler: {
      next: (_cycle, profiles, outcomes) => (outcomes.size === 0 ? profiles : DONE),
      primary: (_cycle, outcomes) => {
        const [primary] = outcomes.keys();
        if (primary === undefined) throw new Error('single-profile-handler needs a profile');
        return primary;
      },
    },
  }),
});
