// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';
import { singleProfile } from '../single-profile.ts';
import { atPort, writeDataParallelHeader } from '../stage-headers.ts';

const TYPE = 'data-parallel-profile-handler';

const parameters = z.strictObject({
  primaryPort: z
    .int()
    .min(1)
    .max(65_535)
    .default(8000)
    .describe('Port that all data-parallel ranks of a pod are reached through.'),
});

/** Chooses a data-parallel rank, and reaches it through the one port of its pod. */
export const dataParallelProfileHandler = definePlugin({
  type: TYPE,
  summary:
    'Runs the only profile; the chosen rank is named in a header, its pod’s port is the destination.',
  stability: 'beta',
  deprecated: 'let the pool have one target port for each rank, with single-profile-handler',
  points: ['profile-handler', 'pre-request'],
  parameters,
  profileProblem: (_parameters, { length }) =>
    length === 1 ? undefined : `${TYPE} takes exactly one profile, there are ${length}`,
  create: ({ primaryPort }) => ({
    profileHandler: {
      ...singleProfile,
      destination: (endpoint) => atPort(endpoint, primaryPort),
    },
    preRequest: {
      preRequest: (_cycle, result, headers) => {
        writeDataParallelHeader(headers, result);
      },
    },
  }),
});
