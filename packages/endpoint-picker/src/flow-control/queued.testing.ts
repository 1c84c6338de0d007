// SPDX-License-Identifier: Apache-2.0
import type { QueuedRequest } from '@llm-d/scheduler-core';

/** A request of 100 bytes in band 0 that arrived at 0 and may wait for ever. */
export function queued(overrides: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    id: 'r',
    priority: 0,
    fairnessId: 'a',
    model: 'm',
    targetModel: 'm',
    bytes: 100,
    receivedMs: 0,
    enqueuedMs: 0,
    expiresMs: Infinity,
    ttftObjectiveMs: undefined,
    sequence: 0,
    ...overrides,
  };
}
