// SPDX-License-Identifier: Apache-2.0
import type { AttributeReader } from './attribute.ts';
import type { SchedulingRequest } from './request.ts';

/** What every plugin may look at while one request is placed. */
export interface SchedulingCycle {
  readonly request: SchedulingRequest;
  readonly attributes: AttributeReader;
  /** Clock reading (ms) of the decision; the only time a plugin may use. */
  readonly nowMs: number;
}
