// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';

/** The account of model servers, which may do nothing. */
export const modelServiceAccountOf = ({ names, labels }: Settings): RenderedObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: names.serviceAccount, labels: labels.object },
  automountServiceAccountToken: false,
});
