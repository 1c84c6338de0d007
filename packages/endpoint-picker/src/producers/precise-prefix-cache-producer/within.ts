// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';

/** Settles as `done` does, or rejects when time is up; a later result is ignored. */
export function within<T>(
  done: Promise<T>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(timeoutMs, () => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
    });
    done.then(resolve, reject).finally(() => {
      timer.cancel();
    });
  });
}
