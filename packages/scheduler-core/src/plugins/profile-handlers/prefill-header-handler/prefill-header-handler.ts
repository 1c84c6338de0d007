// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** Does nothing: profile handlers write their headers themselves. Accepted for configurations that list it. */
export const prefillHeaderHandler = definePlugin({
  type: 'prefill-header-handler',
  summary: 'Does nothing; profile handlers write their headers themselves.',
  stability: 'beta',
  deprecated: 'leave it out, profile handlers write their headers themselves',
  points: ['pre-request'],
  parameters: noParameters,
  create: () => ({ preRequest: { preRequest: () => undefined } }),
});
