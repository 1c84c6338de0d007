// SPDX-License-Identifier: Apache-2.0

/** How far one rank of one pod has been followed: plain data that can be kept and compared. */
export interface SequencePosition {
  /** Life of the publisher as its surroundings know it, such as a pod's UID and restart count. */
  readonly given: string;
  /** Restarts within that life that only the numbers have shown. */
  readonly inferred: number;
  /** Last batch that was dealt with; -1 before the first. */
  readonly sequence: number;
}

/** The epoch that messages carry: the one that was given, with `/n` after the n-th restart inferred within it. */
export const epochOf = ({ given, inferred }: SequencePosition): string =>
  inferred === 0 ? given : `${given}/${inferred}`;

/** What tells a restarted publisher from one that repeats itself, where no epoch says so. */
export interface RestartEvidence {
  /** Nothing has come over this connection before this batch. */
  readonly isFirstOfConnection: boolean;
  /** Whether the batch has an AllBlocksCleared; asked only when it matters, as it means decoding. */
  hasClear(): boolean;
}

/** A batch as the cursor sees it. */
export interface NumberedBatch {
  readonly sequence: number;
  /** Epoch from outside; another one than the position's always means a restart. */
  readonly epoch: string;
  /** Undefined where epochs tell all: then a number that was seen before is a duplicate. */
  readonly evidence?: RestartEvidence | undefined;
}

/** What to do with a batch. */
export type SequenceVerdict =
  | { readonly kind: 'apply' }
  | { readonly kind: 'duplicate' }
  /** The publisher has begun anew; judge the batch again from this position. */
  | { readonly kind: 'restart'; readonly position: SequencePosition }
  /** These are missing before the batch, both included. */
  | { readonly kind: 'gap'; readonly from: number; readonly to: number };

const APPLY: SequenceVerdict = { kind: 'apply' };
const DUPLICATE: SequenceVerdict = { kind: 'duplicate' };

/** A publisher that has gone back this far does not repeat itself. */
const FAR_BACK = 1024;

/**
 * Judges the next batch of a source. The numbers themselves know of no restart, so one is inferred from a number already
 * passed when the batch clears everything, is the first of a connection, is one of the first two of a life, or lies 1024
 * or more behind, as SGLang's model gateway has it.
 */
export function judgeSequence(position: SequencePosition, batch: NumberedBatch): SequenceVerdict {
  const { sequence: last } = position;
  const { sequence, epoch, evidence } = batch;
  if (epoch !== position.given) {
    return { kind: 'restart', position: { given: epoch, inferred: 0, sequence: -1 } };
  }
  if (sequence === last + 1) return APPLY;
  if (sequence > last) return { kind: 'gap', from: last + 1, to: sequence - 1 };
  if (evidence !== undefined && showsRestart(sequence, last, evidence)) {
    return { kind: 'restart', position: restarted(position) };
  }
  return DUPLICATE;
}

/** The beginning of the next life within the same given epoch. */
export const restarted = ({ given, inferred }: SequencePosition): SequencePosition => ({
  given,
  inferred: inferred + 1,
  sequence: -1,
});

const showsRestart = (sequence: number, last: number, evidence: RestartEvidence): boolean =>
  (evidence.isFirstOfConnection && sequence < last) ||
  (sequence <= 1 && last > sequence) ||
  sequence + FAR_BACK <= last ||
  evidence.hasClear();
