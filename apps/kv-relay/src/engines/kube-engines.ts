// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import { pods, startInformer, type KubeClient } from '@llm-d/kube-runtime';
import type { Telemetry } from '@llm-d/telemetry';
import type { Engine, EngineDiscovery } from './engine.ts';
import { engineInPod, reducedPod, type PodEngineOptions } from './pod-engine.ts';

export interface KubeEnginesOptions extends PodEngineOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly labelSelector: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Called when all are known, and for every change after that. */
  readonly changed: (engines: readonly Engine[]) => void;
}

/** Follows the pods that a selector selects. What it knows stays while the API server is away. */
export function startKubeEngines(options: KubeEnginesOptions): EngineDiscovery {
  const { client, namespace, labelSelector, clock, random, telemetry, changed } = options;
  const informer = startInformer({
    ...{ client, type: pods, namespace, labelSelector, clock, random, telemetry },
    transform: reducedPod,
  });
  const look = (): void => {
    // A list that is not complete would make those that are missing look as if they had left.
    if (!informer.hasSynced) return;
    changed(
      informer.list().flatMap((pod) => {
        try {
          return engineInPod(pod, options) ?? [];
        } catch (error) {
          telemetry.logger.warn('an engine is left out', { engine: pod.metadata.name, error });
          return [];
        }
      }),
    );
  };
  informer.onChange(look);
  informer.onStateChange(look);
  return {
    get isComplete() {
      return informer.hasSynced;
    },
    [Symbol.asyncDispose]: () => informer.stop(),
  };
}
