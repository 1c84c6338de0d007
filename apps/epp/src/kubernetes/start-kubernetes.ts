// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import type { Fleet, RequestPolicyHolder } from '@llm-d/endpoint-picker';
import { createAccessReviewer, type KubeClient } from '@llm-d/kube-runtime';
import type { Telemetry } from '@llm-d/telemetry';
import type { ReadinessGate } from '../serving/readiness.ts';
import { createConditions, type Condition } from './conditions.ts';
import { startDiscovery, type Discovery } from './discovery.ts';
import { startElection } from './election.ts';
import type { KubernetesOptions } from './kubernetes-options.ts';
import { createScrapeAccess, type ScrapeAccess } from './scrape-access.ts';
import { createStops } from './stops.ts';

export interface KubernetesParts {
  readonly client: KubeClient;
  readonly fleet: Fleet;
  readonly policies: RequestPolicyHolder;
  /** Types of the parsers that the configuration has. */
  readonly parsers: readonly string[];
  /** Whether replicas that do not lead know pool and pods too, and so can take over at once. */
  readonly followersDiscover: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly newId: () => string;
}

/** What this process has to do with Kubernetes. */
export interface Kubernetes extends ReadinessGate {
  conditions(): readonly Condition[];
  readonly mayScrape: ScrapeAccess;
  /** Lets another replica lead, and goes on with everything else. Resolves when the lease is free; never rejects. */
  resign(): Promise<void>;
  /** Ends everything; resolves when nothing is in flight. */
  close(): Promise<void>;
}

/** Starts discovery and, where it is wanted, the election. Works without an answer of the API server, and waits for one. */
export function startKubernetes(options: KubernetesOptions, parts: KubernetesParts): Kubernetes {
  const { client, clock, random, telemetry, followersDiscover, newId } = parts;
  const conditions = createConditions(clock, telemetry.logger);
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of [...watchers]) watcher();
  };
  const stops = createStops();
  const { namespace } = options;
  let discovery: Discovery | undefined;
  let isEnding = false;
  const discover = (): void => {
    const watch = { client, namespace, clock, random, telemetry, conditions };
    discovery ??= startDiscovery(options, { ...parts, ...watch, changed });
  };
  const led = (): void => {
    if (isEnding) return;
    if (followersDiscover || election?.isLeader === true) {
      discover();
    } else {
      stops.begin(discovery);
      discovery = undefined;
    }
    changed();
  };
  if (!options.electsLeader || followersDiscover) discover();
  const election = options.electsLeader
    ? startElection(options, {
        client,
        clock,
        random,
        telemetry,
        conditions,
        newId,
        // Afterwards, because the first time it is called before `election` is there.
        changed: () => {
          queueMicrotask(led);
        },
      })
    : undefined;
  return {
    electsLeader: options.electsLeader,
    get notReady() {
      if (election?.isLeader === false) return 'another replica leads, or none does yet';
      return discovery === undefined ? 'nothing was discovered yet' : discovery.notReady;
    },
    onChange: (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    conditions: () => conditions.list(),
    mayScrape: createScrapeAccess(createAccessReviewer({ client, clock }), conditions),
    resign: async () => {
      isEnding = true;
      await election?.resign().catch((error: unknown) => {
        telemetry.logger.warn('the lease was not released', { error });
      });
    },
    close: async () => {
      isEnding = true;
      stops.begin(discovery);
      await Promise.all([stops.all(), election?.resign().catch(() => undefined)]);
    },
  };
}
