// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Fleet } from '@llm-d/endpoint-picker';
import {
  mergeModelLists,
  readModelList,
  type ModelEntry,
  type ModelList,
} from '@llm-d/inference-api';
import type { Endpoint } from '@llm-d/scheduler-core';
import type { Logger } from '@llm-d/telemetry';

export interface ModelCatalogOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A server's answer to `GET /v1/models`, as parsed JSON. */
  readonly fetchModels: (endpoint: Endpoint, signal: AbortSignal) => Promise<unknown>;
  /** Time between two looks at every server. Default 5000. */
  readonly refreshMs?: number;
  /** Longest wait for a server's list. Default 2000. */
  readonly timeoutMs?: number;
}

/** Which server serves which models, adapters included. */
export interface ModelCatalog {
  /** All models of the servers that can take requests, each once. */
  merged(): ModelList;
  /**
   * Ids of servers that are known not to serve `model`. A server that has not told yet is taken to serve everything.
   * Undefined when all servers have told and none of them serves it.
   */
  notServing(model: string): ReadonlySet<string> | undefined;
  /** Whether any server has told. */
  readonly known: boolean;
  /** Asks every server now; at most once a second, so that unknown names do not become a burden. */
  refresh(): Promise<void>;
  stop(): void;
}

const NONE: ReadonlySet<string> = new Set();
/** Least time between two refreshes that requests cause. */
const REFRESH_PAUSE_MS = 1000;

/** Keeps the catalog of a fleet fresh. */
export function startModelCatalog(options: ModelCatalogOptions): ModelCatalog {
  const { fleet, clock, logger, fetchModels, refreshMs = 5000, timeoutMs = 2000 } = options;
  const lists = new Map<string, readonly ModelEntry[]>();
  const ids = new Map<string, ReadonlySet<string>>();
  let notServing = new Map<string, ReadonlySet<string> | undefined>();
  const stopping = new AbortController();

  const changed = (): void => {
    notServing = new Map();
  };

  const ask = async (endpoint: Endpoint): Promise<void> => {
    const timeout = new AbortController();
    const timer = clock.schedule(timeoutMs, () => {
      timeout.abort();
    });
    try {
      const answer = await fetchModels(
        endpoint,
        AbortSignal.any([timeout.signal, stopping.signal]),
      );
      if (fleet.get(endpoint.id) === undefined) return;
      if (!isListing(answer)) throw new Error('/v1/models answered no list');
      const list = readModelList(answer);
      lists.set(endpoint.id, list);
      ids.set(endpoint.id, new Set(list.map(({ id }) => id)));
      changed();
    } catch (error) {
      if (!stopping.signal.aborted)
        logger.debug('models not listed', { endpoint: endpoint.id, error });
    } finally {
      timer.cancel();
    }
  };

  const unlisten = fleet.listen({
    endpointAdded: (endpoint) => {
      changed();
      void ask(endpoint);
    },
    endpointRemoved: ({ id }) => {
      lists.delete(id);
      ids.delete(id);
      changed();
    },
  });

  let timer: Timer;
  const tick = (): void => {
    void Promise.all(fleet.snapshot().map(ask));
    timer = clock.schedule(refreshMs, tick);
  };
  timer = clock.schedule(refreshMs, tick);

  const find = (model: string): ReadonlySet<string> | undefined => {
    const without = fleet.snapshot().filter(({ id }) => ids.get(id)?.has(model) === false);
    if (without.length === 0) return NONE;
    return without.length === fleet.snapshot().length
      ? undefined
      : new Set(without.map(({ id }) => id));
  };

  let refreshedMs = -Infinity;
  return {
    get known() {
      return lists.size > 0;
    },
    merged: () =>
      mergeModelLists(fleet.healthy(clock.nowMs()).map(({ id }) => lists.get(id) ?? [])),
    notServing: (model) => {
      if (notServing.has(model)) return notServing.get(model);
      const found = find(model);
      // Names come from clients; a bound keeps inventive ones from filling the memory.
      if (notServing.size < 1000) notServing.set(model, found);
      return found;
    },
    refresh: async () => {
      if (clock.nowMs() - refreshedMs < REFRESH_PAUSE_MS) return;
      refreshedMs = clock.nowMs();
      await Promise.all(fleet.snapshot().map(ask));
    },
    stop: () => {
      stopping.abort();
      timer.cancel();
      unlisten();
    },
  };
}

/** Anything else says nothing about what a server serves, least of all that it serves nothing. */
const isListing = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && 'data' in answer && Array.isArray(answer.data);
