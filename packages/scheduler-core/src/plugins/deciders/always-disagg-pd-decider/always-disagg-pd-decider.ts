// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

const ALWAYS = { disaggregate: true, reason: 'always' };

/** Every prompt is prefilled elsewhere. */
export const alwaysDisaggPdDecider = definePlugin({
  type: 'always-disagg-pd-decider',
  summary: 'Has every prompt prefilled on an endpoint of its own.',
  stability: 'beta',
  points: ['decider'],
  parameters: noParameters,
  create: () => ({ decider: { decide: () => ALWAYS } }),
});
