// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';

export interface CoalescerOptions<Row, Result> {
  /** Answers rows in their order. */
  readonly send: (rows: readonly Row[]) => Promise<readonly Result[]>;
  readonly clock: Clock;
  /** How long after the first submission a batch leaves; 0 = every submission is a batch. */
  readonly windowMs: number;
  /** Rows with which a batch leaves at once; 0 = any number. */
  readonly maxRows: number;
  /** Most batches under way; others wait. */
  readonly maxConcurrent: number;
  /** Most rows that wait; what comes beyond is refused. */
  readonly maxWaitingRows: number;
}

/** Brings together what arrives together: many small questions become one call. */
export interface Coalescer<Row, Result> {
  /** The results of these rows. Rejects with what `send` does, or when the signal aborts. */
  submit(rows: readonly Row[], signal: AbortSignal): Promise<readonly Result[]>;
  /** Batches under way. */
  readonly underWay: number;
  /** Refuses what waits and whatever comes. */
  close(): void;
}

/** Too much waits already, or the coalescer is closed. */
export class CoalescerError extends Error {
  readonly code = 'COALESCER';
  constructor(reason: string) {
    super(reason);
    this.name = 'CoalescerError';
  }
}

interface Submission<Row, Result> {
  readonly rows: readonly Row[];
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (error: Error) => void;
  isGone: boolean;
}

type Batch<Row, Result> = Submission<Row, Result>[];

/** An empty coalescer; it sets a timer only while something waits. */
export function createCoalescer<Row, Result>(
  options: CoalescerOptions<Row, Result>,
): Coalescer<Row, Result> {
  const { send, clock, windowMs, maxRows, maxConcurrent, maxWaitingRows } = options;
  let open: Batch<Row, Result> = [];
  let openRows = 0;
  let window: Timer | undefined;
  const ready: Batch<Row, Result>[] = [];
  let waitingRows = 0;
  let underWay = 0;
  let isClosed = false;

  const dispatch = async (batch: Batch<Row, Result>): Promise<void> => {
    const wanted = batch.filter(({ isGone }) => !isGone);
    if (wanted.length === 0) return;
    underWay++;
    try {
      const results = await send(wanted.flatMap(({ rows }) => rows));
      let from = 0;
      for (const { rows, resolve } of wanted) resolve(results.slice(from, (from += rows.length)));
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      for (const { reject } of wanted) reject(reason);
    } finally {
      underWay--;
      pump();
    }
  };

  const pump = (): void => {
    while (underWay < maxConcurrent) {
      const batch = ready.shift();
      if (batch === undefined) return;
      waitingRows -= rowsOf(batch);
      void dispatch(batch);
    }
  };

  const leave = (): void => {
    window?.cancel();
    window = undefined;
    ready.push(open);
    open = [];
    openRows = 0;
    pump();
  };

  return {
    submit: (rows, signal) =>
      new Promise((resolve, reject) => {
        if (isClosed) throw new CoalescerError('it is closed');
        if (waitingRows + rows.length > maxWaitingRows) {
          throw new CoalescerError(`${waitingRows} rows wait already`);
        }
        signal.throwIfAborted();
        const submission: Submission<Row, Result> = { rows, resolve, reject, isGone: false };
        signal.addEventListener('abort', () => {
          submission.isGone = true;
          reject(new CoalescerError('nobody waits for it any more'));
        });
        open.push(submission);
        openRows += rows.length;
        waitingRows += rows.length;
        if (windowMs === 0 || (maxRows > 0 && openRows >= maxRows)) leave();
        else window ??= clock.schedule(windowMs, leave);
      }),
    get underWay() {
      return underWay;
    },
    close: () => {
      isClosed = true;
      window?.cancel();
      const waiting = [...ready.splice(0), open].flat();
      open = [];
      waitingRows = 0;
      for (const { reject } of waiting) reject(new CoalescerError('it was closed'));
    },
  };
}

const rowsOf = (batch: readonly { readonly rows: readonly unknown[] }[]): number =>
  batch.reduce((sum, { rows }) => sum + rows.length, 0);
