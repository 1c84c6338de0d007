// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** Only requests that may be shed may be ended in flight. */
export const evictionSheddableFilter = definePlugin({
  type: 'eviction-sheddable-filter',
  summary: 'Allows requests of negative priority to be ended in flight.',
  stability: 'alpha',
  points: ['eviction-filter'],
  parameters: noParameters,
  create: () => ({ evictionFilter: { isEvictable: ({ priority }) => priority < 0 } }),
});
