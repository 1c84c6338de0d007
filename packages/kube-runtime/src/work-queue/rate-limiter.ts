// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';

/** How long keys wait before they are tried again; the defaults are those of client-go. */
export interface RetryOptions {
  /** Wait after the first failure of a key; it doubles with each further one. Default 5. */
  readonly initialMs?: number;
  /** Longest wait of a key. Default 1,000,000. */
  readonly maxMs?: number;
  /** Retries of all keys together, per second, once the burst is used up. Default 10. */
  readonly perSecond?: number;
  /** Retries of all keys together that need not wait for each other. Default 100. */
  readonly burst?: number;
}

/** Says when a key may be tried again: the later of what its own failures and those of all keys ask for. */
export interface RateLimiter<K> {
  /** Counts a failure of the key and says how long it must wait. */
  nextMs(key: K): number;
  /** The key's next failure counts as its first. */
  forget(key: K): void;
  /** Failures of the key since it was forgotten. */
  failures(key: K): number;
}

/** A limiter with nothing on record. It remembers keys that have failed until they are forgotten. */
export function createRateLimiter<K>(clock: Clock, options: RetryOptions = {}): RateLimiter<K> {
  const { initialMs = 5, maxMs = 1_000_000, perSecond = 10, burst = 100 } = options;
  if (!(initialMs > 0 && maxMs >= initialMs && perSecond > 0 && burst >= 1)) {
    throw new RangeError(
      `waits from ${initialMs} to ${maxMs} ms, ${perSecond} a second and bursts of ${burst} are no limits`,
    );
  }
  const failures = new Map<K, number>();
  const bucket = createTokenBucket(clock, { perSecond, burst });
  return {
    nextMs: (key) => {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return Math.max(Math.min(initialMs * 2 ** count, maxMs), bucket.reserveMs());
    },
    forget: (key) => {
      failures.delete(key);
    },
    failures: (key) => failures.get(key) ?? 0,
  };
}

/** Permits that come back with time. */
export interface TokenBucket {
  /** Takes a permit, if need be one of the future, and says how long it is until that. */
  reserveMs(): number;
  /** Takes a permit if there is one. */
  take(): boolean;
}

/** A full bucket of `burst` permits, refilled `perSecond`. */
export function createTokenBucket(
  clock: Clock,
  { perSecond, burst }: { readonly perSecond: number; readonly burst: number },
): TokenBucket {
  let permits = burst;
  let atMs = clock.nowMs();
  const refill = (): void => {
    const nowMs = clock.nowMs();
    permits = Math.min(burst, permits + ((nowMs - atMs) / 1000) * perSecond);
    atMs = nowMs;
  };
  return {
    reserveMs: () => {
      refill();
      permits--;
      return permits >= 0 ? 0 : (-permits / perSecond) * 1000;
    },
    take: () => {
      refill();
      // A refill in many steps may miss a whole permit by rounding.
      if (permits < 1 - 1e-9) return false;
      permits--;
      return true;
    },
  };
}
