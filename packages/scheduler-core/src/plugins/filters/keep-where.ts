// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../../endpoint.ts';

/** The candidates that pass, in their order; the same array where all do. */
export function keepWhere(
  candidates: readonly Endpoint[],
  passes: (endpoint: Endpoint) => boolean,
): readonly Endpoint[] {
  const kept = candidates.filter(passes);
  return kept.length === candidates.length ? candidates : kept;
}
