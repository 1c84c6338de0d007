// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { labelSelectorFilter } from '../label-selector-filter/label-selector-filter.ts';

/** `label-selector-filter` under its former name. */
export const byLabelSelector = definePlugin({
  ...labelSelectorFilter,
  type: 'by-label-selector',
  deprecated: 'use label-selector-filter',
});
