// SPDX-License-Identifier: Apache-2.0
import { Attributes, type Attribute } from '../attribute.ts';
import type { SchedulingCycle } from '../cycle.ts';
import type { SchedulingRequest } from '../request.ts';

/** A small chat request for model `m`; `overrides` replaces what matters to a test. */
export function makeRequest(overrides: Partial<SchedulingRequest> = {}): SchedulingRequest {
  return {
    id: 'request-1',
    model: 'm',
    targetModel: 'm',
    headers: new Map(),
    prompt: { kind: 'none' },
    cacheSalt: '',
    maxOutputTokens: undefined,
    streaming: false,
    priority: 0,
    fairnessId: 'default-flow',
    bodyBytes: 0,
    ...overrides,
  };
}

export interface CycleSetup {
  readonly request?: Partial<SchedulingRequest>;
  readonly nowMs?: number;
  /** Attribute and value pairs that producers would have set. */
  readonly attributes?: readonly (readonly [Attribute<unknown>, unknown])[];
}

/** A cycle at time 0 with the given attributes. */
export function makeCycle(
  setup: CycleSetup = {},
): SchedulingCycle & { readonly attributes: Attributes } {
  const attributes = new Attributes();
  for (const [attribute, value] of setup.attributes ?? []) attributes.set(attribute, value);
  return { request: makeRequest(setup.request), attributes, nowMs: setup.nowMs ?? 0 };
}
