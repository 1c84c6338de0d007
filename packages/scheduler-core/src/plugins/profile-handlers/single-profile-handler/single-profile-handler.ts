// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { singleProfile } from '../single-profile.ts';

/** Runs the only profile. */
export const singleProfileHandler = definePlugin({
  type: 'single-profile-handler',
  summary: 'Runs the only profile there is; its choice is the destination.',
  stability: 'beta',
  points: ['profile-handler'],
  parameters: noParameters,
  create: () => ({ profileHandler: singleProfile }),
});
