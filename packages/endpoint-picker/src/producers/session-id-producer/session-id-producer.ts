// SPDX-License-Identifier: Apache-2.0
import { definePlugin, sessionId } from '@llm-d/scheduler-core';
import * as z from 'zod';

/** Where a session is looked for where nothing is configured. */
const DEFAULT_HEADER = 'x-session-id';

const parameters = z
  .strictObject({
    headerName: z
      .string()
      .min(1)
      .optional()
      .describe(`Request header with the session id; ${DEFAULT_HEADER} where neither is given.`),
    cookieName: z.string().min(1).optional().describe('Cookie with the session id.'),
  })
  .refine((p) => p.headerName === undefined || p.cookieName === undefined, {
    error: 'takes one of headerName and cookieName',
  });

/** Says which session a request belongs to, by a header or a cookie. */
export const sessionIdProducer = definePlugin({
  type: 'session-id-producer',
  summary: 'Takes the session id from a request header or a cookie.',
  stability: 'beta',
  points: ['data-producer'],
  parameters,
  produces: (_, name) => [sessionId(name)],
  isDefaultProducer: true,
  create: ({ headerName = DEFAULT_HEADER, cookieName }, { name }) => {
    const output = sessionId(name);
    const header = headerName.toLowerCase();
    return {
      producer: {
        produce: ({ request: { headers } }, _candidates, { attributes }) => {
          const id =
            cookieName === undefined
              ? headers.get(header)
              : cookieOf(headers.get('cookie') ?? '', cookieName);
          if (id !== undefined && id !== '') attributes.set(output, id);
        },
      },
    };
  },
});

/** The first cookie of that name. A cookie holds no comma, so several cookie headers may come joined by one. */
function cookieOf(cookies: string, name: string): string | undefined {
  for (const cookie of cookies.split(/[;,]/)) {
    const equals = cookie.indexOf('=');
    if (equals < 0 || cookie.slice(0, equals).trim() !== name) continue;
    return cookie
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}
