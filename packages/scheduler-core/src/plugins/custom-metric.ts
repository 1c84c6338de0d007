// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../endpoint.ts';

/** A scalar that the data layer was told to keep under `key`; undefined where the endpoint has none. */
export function customMetric({ metrics: { custom } }: Endpoint, key: string): number | undefined {
  const value = Object.hasOwn(custom, key) ? custom[key] : undefined;
  return value === undefined || Number.isNaN(value) ? undefined : value;
}
