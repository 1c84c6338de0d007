// SPDX-License-Identifier: Apache-2.0
import { AbortedError } from '@llm-d/determinism';

/** How far something is: changes of rows, and the version of the directory. */
export interface Progress {
  readonly changes: number;
  readonly directory: number;
}

/** Those who wait until what there was is written. */
export class FlushWaiters {
  readonly #waiters = new Set<{
    readonly target: Progress;
    readonly end: (error?: Error) => void;
  }>();

  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  /** Resolves when the target is reached. Rejects with {@link AbortedError} when the signal fires before. */
  wait(target: Progress, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        waiter.end(new AbortedError({ cause: signal?.reason }));
      };
      const waiter = {
        target,
        end: (error?: Error) => {
          this.#waiters.delete(waiter);
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiters.add(waiter);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Ends the waiting of those whose target is reached. */
  reached({ changes, directory }: Progress): void {
    for (const { target, end } of [...this.#waiters]) {
      if (target.changes <= changes && target.directory <= directory) end();
    }
  }

  /** Ends the waiting of all, with an error or well. */
  endAll(error?: Error): void {
    for (const { end } of [...this.#waiters]) end(error);
  }
}
