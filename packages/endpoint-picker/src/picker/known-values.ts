// SPDX-License-Identifier: Apache-2.0

/** What stands for all values beyond the bound. */
export const OTHER = 'other';

/**
 * Bounds the values of a metric label that clients choose: the first `limit` distinct ones stay, later ones become
 * `other`, so that no client can fill the memory of whoever stores the series.
 */
export function createKnownValues(limit = 1000): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= limit) return OTHER;
    known.add(value);
    return value;
  };
}
