// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { keepWhere } from '../keep-where.ts';

const HEADER = 'test-epp-endpoint-selection';

/** Lets a test say where its request goes. Not for production: clients choose their server. */
export const headerBasedTestingFilter = definePlugin({
  type: 'header-based-testing-filter',
  summary: 'Keeps the endpoints that a header of the request lists. For tests only.',
  stability: 'beta',
  points: ['filter'],
  parameters: noParameters,
  create: () => ({
    filter: {
      filter: ({ request }, candidates) => {
        const listed = (request.headers.get(HEADER) ?? '').split(',').map((entry) => entry.trim());
        return keepWhere(candidates, ({ address, hostPort }) =>
          [address, `[${address}]`, hostPort].some((name) => listed.includes(name)),
        );
      },
    },
  }),
});
