// SPDX-License-Identifier: Apache-2.0
import { AbortedError, type Clock, type Timer } from '@llm-d/determinism';
import {
  KubeApiError,
  KubeProtocolError,
  KubeTimeoutError,
  KubeUnreachableError,
} from '../errors.ts';

/** Ends a request when the caller no longer wants it or when it takes too long, and knows which of the two it was. */
export interface Deadline extends Disposable {
  /** For the transport. */
  readonly signal: AbortSignal;
  /** Starts the time anew, of another length from then on. */
  restart(timeoutMs: number): void;
  /** What a failure of the transport means to the caller. */
  explain(error: unknown): Error;
}

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
  /** Method and path, for errors. */
  readonly request: string;
}

/** A deadline that begins at once. Disposing of it stops the time. */
export function startDeadline(options: DeadlineOptions): Deadline {
  const { clock, signal, request } = options;
  let { timeoutMs } = options;
  const controller = new AbortController();
  let timedOut = false;
  const abort = (): void => {
    controller.abort();
  };
  const start = (): Timer =>
    clock.schedule(timeoutMs, () => {
      timedOut = true;
      abort();
    });
  let timer = start();
  if (signal?.aborted === true) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    restart: (nextMs) => {
      timer.cancel();
      timeoutMs = nextMs;
      timer = start();
    },
    explain: (error) => {
      if (signal?.aborted === true) return new AbortedError({ cause: signal.reason });
      if (timedOut) return new KubeTimeoutError(request, timeoutMs);
      return isOurs(error) ? error : new KubeUnreachableError(request, { cause: error });
    },
    [Symbol.dispose]: () => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
    },
  };
}

const isOurs = (error: unknown): error is Error =>
  error instanceof KubeApiError || error instanceof KubeProtocolError;
