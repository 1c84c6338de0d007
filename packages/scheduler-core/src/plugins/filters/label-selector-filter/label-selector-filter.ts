// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { keepWhere } from '../keep-where.ts';
import { compileLabelSelector, labelSelector } from './label-selector.ts';

/** Keeps the endpoints whose labels match; the parameters are the selector itself. */
export const labelSelectorFilter = definePlugin({
  type: 'label-selector-filter',
  summary: 'Keeps the endpoints whose labels match a Kubernetes label selector.',
  stability: 'beta',
  points: ['filter'],
  parameters: labelSelector,
  create: (selector) => {
    const matches = compileLabelSelector(selector);
    return {
      filter: {
        filter: (_cycle, candidates) => keepWhere(candidates, ({ labels }) => matches(labels)),
      },
    };
  },
});
