// SPDX-License-Identifier: Apache-2.0
import { prefixMatches, type SchedulingCycle, type SchedulingResult } from '@llm-d/scheduler-core';
import type { Refusal } from '../picker/refusal.ts';

/** Whether a request is only to be served where its prompt is cached: `Prefer: if-available` (RFC 7240). */
export function prefersCached(headers: ReadonlyMap<string, string>): boolean {
  const prefer = headers.get('prefer');
  if (prefer === undefined) return false;
  return prefer
    .split(',')
    .some((preference) => /^[^;=]*/.exec(preference)?.[0].trim().toLowerCase() === 'if-available');
}

const NOT_CACHED: Refusal = {
  kind: 'refused',
  status: 412,
  reason: 'rejected-not-cached',
  message: 'no decode worker has the requested KV cache',
  retryAfterSeconds: 1,
};

/**
 * A gate that lets a placement through only if the destination holds a block of the prompt, as one of `producers` (names
 * of data producers) found. Whoever orchestrates prefill and decode itself tries a decode that way before anything else.
 */
export function createConditionalDecode(
  producers: readonly string[],
): (cycle: SchedulingCycle, result: SchedulingResult) => Refusal | undefined {
  const attributes = producers.map((name) => prefixMatches(name));
  return (cycle, { endpoints: [destination], outcomes, primary }) => {
    // The destination may be the chosen endpoint under the address that its ranks share.
    const chosen = outcomes.get(primary)?.picked[0] ?? destination;
    const isCached = attributes.some(
      (attribute) => (cycle.attributes.get(attribute)?.matchedBlocks(chosen) ?? 0) > 0,
    );
    return isCached ? undefined : NOT_CACHED;
  };
}
