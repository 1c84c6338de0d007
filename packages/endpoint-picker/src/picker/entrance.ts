// SPDX-License-Identifier: Apache-2.0
import type { SchedulingRequest } from '@llm-d/scheduler-core';
import type { Arrival, FlowControl } from '../flow-control/flow-control.ts';
import type { Admission } from '../flow-control/flow-outcome.ts';
import type { Passage } from '../flow-control/passage.ts';
import type { FlowRecord } from './decision-log.ts';
import type { Refusal } from './refusal.ts';

/** What came of a request's wish to be placed, before anything is decided about where. */
export type Entry =
  | Refused
  | {
      readonly kind: 'let in';
      /** Must be ended, whatever becomes of the request. Undefined where flow control is off. */
      readonly passage: Passage | undefined;
      readonly flow: FlowRecord | undefined;
    };

/** A request that is turned away. */
interface Refused {
  readonly kind: 'turned away';
  readonly refusal: Refusal;
  readonly flow: FlowRecord | undefined;
}

/** A request at the entrance. */
export interface Entering extends Arrival {
  /** A request that is tried again was let in before: it does not wait and is not shed. */
  readonly attempt: number;
}

/** Lets a request in, after waiting where it must; no promise where that is known at once. */
export type Entrance = (request: SchedulingRequest, entering: Entering) => Entry | Promise<Entry>;

/** The entrance where the gate of flow control is closed; `shed` says which requests are refused. */
export function createOpenEntrance(
  shed: (request: SchedulingRequest) => Refusal | undefined,
): Entrance {
  return (request, { attempt }) => {
    const refusal = attempt === 1 ? shed(request) : undefined;
    return refusal === undefined ? OPEN : { kind: 'turned away', refusal, flow: undefined };
  };
}

/** The entrance through flow control. */
export function createControlledEntrance(flowControl: FlowControl): Entrance {
  return (request, entering) => {
    if (entering.attempt > 1) {
      return { kind: 'let in', passage: flowControl.readmit(request, entering), flow: undefined };
    }
    const admission = flowControl.admit(request, entering);
    return admission instanceof Promise ? admission.then(entryOf) : entryOf(admission);
  };
}

const OPEN: Entry = { kind: 'let in', passage: undefined, flow: undefined };

function entryOf(admission: Admission): Entry {
  if (admission.kind === 'admitted') {
    const { passage } = admission;
    const { priority, waitedMs } = passage;
    return { kind: 'let in', passage, flow: { outcome: 'Dispatched', priority, waitedMs } };
  }
  const { outcome, priority, waitedMs, refusal } = admission;
  return { kind: 'turned away', refusal, flow: { outcome, priority, waitedMs } };
}
