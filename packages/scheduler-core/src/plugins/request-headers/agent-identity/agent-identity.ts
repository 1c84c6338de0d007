// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';

/** Under what names programs send their session, most telling first. */
const SESSION_HEADERS = [
  'x-claude-code-session-id',
  'x-session-affinity',
  'session-id',
  'session_id',
];

const parameters = z.strictObject({
  additionalSessionHeaders: z
    .array(z.string().min(1))
    .default([])
    .describe('Further headers that carry a session, looked at before the known ones.'),
});

/** Counts every session of a coding assistant as a program of its own. */
export const agentIdentity = definePlugin({
  type: 'agent-identity',
  summary: 'Takes the session header of a coding assistant for the fairness id of the request.',
  stability: 'alpha',
  points: ['request-headers'],
  parameters,
  create: ({ additionalSessionHeaders }) => {
    const names = [
      ...additionalSessionHeaders.map((name) => name.toLowerCase()),
      ...SESSION_HEADERS,
    ];
    return {
      requestHeaders: {
        fairnessIdOf: (headers) => {
          for (const name of names) {
            const value = headers.get(name);
            if (value !== undefined && value !== '') return value;
          }
          return undefined;
        },
      },
    };
  },
});
