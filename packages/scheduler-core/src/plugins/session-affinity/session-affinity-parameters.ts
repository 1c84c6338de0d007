// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const source = z
  .strictObject({
    header: z.string().min(1).optional().describe('Request header that carries the session id.'),
    attribute: z.string().min(1).optional().describe('Attribute that carries the session id.'),
    producer: z.string().min(1).optional().describe('Producer of the attribute.'),
  })
  .refine(({ header, attribute }) => (header === undefined) !== (attribute === undefined), {
    error: 'a source is either a header or an attribute',
  })
  .refine(({ attribute, producer }) => (attribute === undefined) === (producer === undefined), {
    error: 'an attribute and its producer come together',
  });

/** Parameters of session affinity. */
export const sessionAffinityParameters = z.strictObject({
  strategy: z
    .enum(['encoded_endpoint_header', 'session_id'])
    .default('encoded_endpoint_header')
    .describe(
      'Whether the client carries the endpoint itself, or a session id that is looked up here.',
    ),
  encodedEndpointHeaderConfig: z
    .strictObject({
      header: z
        .string()
        .min(1)
        .default('x-session-token')
        .describe('Request and response header with the encoded endpoint.'),
    })
    .prefault({})
    .describe('For the strategy encoded_endpoint_header.'),
  sessionIdConfig: z
    .strictObject({
      sources: z
        .array(source)
        .min(1)
        .default([{ header: 'x-session-id' }])
        .describe('Where the session id is looked for, in this order.'),
      evictionTtlSeconds: z
        .number()
        .positive()
        .default(300)
        .describe('How long a session is remembered after its last request.'),
      evictionSweepSeconds: z
        .number()
        .positive()
        .default(10)
        .describe('Shortest time between two removals of expired sessions.'),
      maxSessions: z
        .int()
        .min(1)
        .default(100_000)
        .describe('Most sessions remembered; the one unused for longest goes first.'),
    })
    .prefault({})
    .describe('For the strategy session_id.'),
  profileName: z
    .string()
    .default('')
    .describe('Profile whose choice is pinned; empty = the one that gives the destination.'),
});

export type SessionAffinityParameters = z.output<typeof sessionAffinityParameters>;
export type SessionSource = SessionAffinityParameters['sessionIdConfig']['sources'][number];
