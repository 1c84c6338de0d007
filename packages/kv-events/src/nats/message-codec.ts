// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { KvMessage } from '../kv-message.ts';

/** What a message has beside its payload. Names begin with `Kv-`. */
const KIND = 'Kv-Kind';
const POD = 'Kv-Pod';
const MODEL = 'Kv-Model';
const RANK = 'Kv-Rank';
const EPOCH = 'Kv-Epoch';
const SEQUENCE = 'Kv-Seq';
/** Last sequence of a loss; its first one is `Kv-Seq`. */
const UNTIL = 'Kv-Until';
/** Milliseconds of the wall clock. */
const TIME = 'Kv-Ts';
const EVERYWHERE = 'Kv-Everywhere';
/** The place on the bus of what the source published last; of heartbeats. */
const BEHIND = 'Kv-Behind';

const NOTHING = new Uint8Array(0);

/** Values of headers are lines of printable ASCII; everything else, and the percent sign, travels percent-encoded. */
const encodeText = (text: string): string =>
  text.toWellFormed().replace(/[^ -$&-~]+|^ +| +$/gu, encodeURIComponent);

/** The message as headers and its payload, untouched. */
export function encodeMessage(message: KvMessage): {
  readonly headers: MsgHdrs;
  readonly payload: Uint8Array;
} {
  const fields = headers();
  fields.set(KIND, message.kind);
  fields.set(TIME, `${message.receivedMs}`);
  if (message.kind === 'gone') {
    fields.set(POD, encodeText(message.pod));
    return { headers: fields, payload: NOTHING };
  }
  setSource(fields, message.source);
  if (message.kind === 'loss') {
    fields.set(SEQUENCE, `${message.fromSequence}`);
    fields.set(UNTIL, `${message.untilSequence}`);
  } else fields.set(SEQUENCE, `${message.sequence}`);
  return { headers: fields, payload: message.kind === 'batch' ? message.payload : NOTHING };
}

function setSource(fields: MsgHdrs, source: KvEventSource): void {
  fields.set(POD, encodeText(source.pod));
  fields.set(RANK, `${source.dpRank}`);
  fields.set(MODEL, encodeText(source.model));
  fields.set(EPOCH, encodeText(source.epoch));
  if (source.everywhere === true) fields.set(EVERYWHERE, 'true');
}

/** The message that was encoded; undefined for what was not. */
export function decodeMessage(
  fields: MsgHdrs | undefined,
  payload: Uint8Array,
): KvMessage | undefined {
  if (fields === undefined) return undefined;
  try {
    return decode(fields, payload);
  } catch {
    // Not our percent signs.
    return undefined;
  }
}

function decode(fields: MsgHdrs, payload: Uint8Array): KvMessage | undefined {
  const kind = fields.get(KIND);
  const pod = decodeURIComponent(fields.get(POD));
  const receivedMs = Number(fields.get(TIME));
  if (kind === 'gone') return { kind, pod, receivedMs };
  const source: KvEventSource = {
    pod,
    dpRank: Number(fields.get(RANK)),
    model: decodeURIComponent(fields.get(MODEL)),
    epoch: decodeURIComponent(fields.get(EPOCH)),
    ...(fields.get(EVERYWHERE) === 'true' ? { everywhere: true } : {}),
  };
  const sequence = Number(fields.get(SEQUENCE) || 'none');
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(source.dpRank)) return undefined;
  switch (kind) {
    case 'batch':
      return { kind, source, sequence, receivedMs, payload };
    case 'heartbeat':
      return { kind, source, sequence, receivedMs };
    case 'loss': {
      const untilSequence = Number(fields.get(UNTIL) || 'none');
      if (!Number.isSafeInteger(untilSequence)) return undefined;
      return { kind, source, fromSequence: sequence, untilSequence, receivedMs };
    }
    default:
      return undefined;
  }
}

/** Says at which place a heartbeat's reader must be. */
export const setBehind = (fields: MsgHdrs, position: number): void => {
  fields.set(BEHIND, `${position}`);
};
export const behindOf = (fields: MsgHdrs | undefined): number => Number(fields?.get(BEHIND));
