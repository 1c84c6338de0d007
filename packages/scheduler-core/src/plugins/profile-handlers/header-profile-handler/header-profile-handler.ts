// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { SchedulingCycle } from '../../../cycle.ts';
import { definePlugin } from '../../../plugin-definition.ts';

const parameters = z.strictObject({
  headerName: z
    .string()
    .min(1)
    .default('EPP-Profile')
    .describe('Request header that names the profile.'),
  defaultProfile: z
    .string()
    .min(1)
    .default('decode')
    .describe('Profile of requests without the header.'),
});

const DONE: readonly string[] = [];

/** Whoever orchestrates the stages of a request asks for each of them separately. */
export const headerProfileHandler = definePlugin({
  type: 'header-profile-handler',
  summary: 'Runs the profile that a header of the request names.',
  stability: 'alpha',
  points: ['profile-handler'],
  parameters,
  create: ({ headerName, defaultProfile }) => {
    const header = headerName.toLowerCase();
    const named = ({ request }: SchedulingCycle): string =>
      request.headers.get(header)?.trim() || defaultProfile;
    return {
      profileHandler: {
        next: (cycle, profiles, outcomes, { notes }) => {
          if (outcomes.size > 0) return DONE;
          if (profiles.length === 1) return profiles;
          const profile = named(cycle);
          if (profiles.includes(profile)) return [profile];
          notes.push({ profile, runs: false, reason: `there is no profile ${profile}` });
          return DONE;
        },
        primary: (cycle, outcomes) => {
          const [ran] = outcomes.keys();
          return ran ?? named(cycle);
        },
      },
    };
  },
});
