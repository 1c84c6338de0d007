// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '@llm-d/scheduler-core';

/** What runs on one endpoint, with the tightest objective for further tokens among it. */
export interface RunningRequests {
  /** Counts a request until the returned function is called, or for as long as one may run. */
  start(endpoint: Endpoint, tpotObjectiveMs: number, nowMs: number): () => void;
  count(endpoint: Endpoint, nowMs: number): number;
  /** In milliseconds; 0 where no running request has such an objective. */
  tightestTpotMs(endpoint: Endpoint, nowMs: number): number;
  /** The endpoint has left; the next one in its slot begins with nothing. */
  forget(endpoint: Endpoint): void;
}

interface Running {
  readonly objectiveMs: number;
  readonly startedMs: number;
}

/** Running requests of one endpoint in the order of their start. */
class Books {
  readonly running = new Set<Running>();
  /** Undefined: to be found again. */
  tightestMs: number | undefined = 0;
}

/** Empty books. A request that runs for more than `longestMs` is taken for lost. */
export function createRunningRequests(longestMs: number): RunningRequests {
  const slots: (Books | undefined)[] = [];

  const end = (books: Books, running: Running): void => {
    if (!books.running.delete(running)) return;
    if (running.objectiveMs > 0 && running.objectiveMs === books.tightestMs) {
      books.tightestMs = undefined;
    }
  };
  const booksOf = ({ slot }: Endpoint, nowMs: number): Books | undefined => {
    const books = slots[slot];
    if (books === undefined) return undefined;
    for (const running of books.running) {
      if (running.startedMs + longestMs > nowMs) break;
      end(books, running);
    }
    return books;
  };

  return {
    start: ({ slot }, objectiveMs, nowMs) => {
      const books = (slots[slot] ??= new Books());
      const running = { objectiveMs, startedMs: nowMs };
      books.running.add(running);
      const { tightestMs } = books;
      if (objectiveMs > 0 && tightestMs !== undefined) {
        books.tightestMs = tightestMs === 0 ? objectiveMs : Math.min(tightestMs, objectiveMs);
      }
      return () => {
        end(books, running);
      };
    },
    count: (endpoint, nowMs) => booksOf(endpoint, nowMs)?.running.size ?? 0,
    tightestTpotMs: (endpoint, nowMs) => {
      const books = booksOf(endpoint, nowMs);
      if (books === undefined) return 0;
      return (books.tightestMs ??= tightest(books.running));
    },
    forget: ({ slot }) => {
      slots[slot] = undefined;
    },
  };
}

function tightest(running: Iterable<Running>): number {
  let least = Infinity;
  for (const { objectiveMs } of running) if (objectiveMs > 0) least = Math.min(least, objectiveMs);
  return least === Infinity ? 0 : least;
}
