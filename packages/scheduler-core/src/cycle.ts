// SPDX-License-Identifier: Apache-2.0
import type { AttributeReader, Attributes } from './attribute.ts';
import type { PluginRun } from './plugin-durations.ts';
import type { SchedulingRequest } from './request.ts';

/** What every plugin may look at while one request is placed. */
export interface SchedulingCycle {
  readonly request: SchedulingRequest;
  readonly attributes: AttributeReader;
  /** Clock reading (ms) of the decision; the only time a plugin may use. */
  readonly nowMs: number;
}

/** A cycle as the one who places the request holds it. */
export interface OwnCycle extends SchedulingCycle {
  request: SchedulingRequest;
  readonly attributes: Attributes;
  /** Told of every plugin's turn, in order, where turns are measured. Default nobody. */
  readonly onRun?: ((run: PluginRun) => void) | undefined;
}
