// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../endpoint.ts';

/** The value of an endpoint's own label: one may be called "constructor". */
export const labelOf = ({ labels }: Endpoint, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
