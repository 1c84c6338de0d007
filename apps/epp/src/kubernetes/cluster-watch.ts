// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ResourceType } from '@llm-d/crd-types';
import type { Clock, Random } from '@llm-d/determinism';
import {
  startInformer,
  type Informer,
  type InformerOptions,
  type KubeClient,
} from '@llm-d/kube-runtime';
import type { Logger, Telemetry } from '@llm-d/telemetry';
import type { Conditions } from './conditions.ts';

/** What everything that follows objects of a namespace needs. */
export interface ClusterWatch {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly conditions: Conditions;
}

type Selection<T extends KubeObject> = Pick<
  InformerOptions<T>,
  'labelSelector' | 'fieldSelector' | 'transform'
>;

/** Follows objects of the namespace. What befalls it is for the conditions to tell: they know what it means. */
export function follow<T extends KubeObject>(
  { client, namespace, clock, random, telemetry }: ClusterWatch,
  type: ResourceType<T>,
  selection: Selection<T> = {},
): Informer<T> {
  return startInformer({
    client,
    type,
    namespace,
    clock,
    random,
    telemetry: { ...telemetry, logger: forDebugging(telemetry.logger) },
    ...selection,
  });
}

/** A logger for which nothing but errors is worth a line of its own. */
function forDebugging(logger: Logger): Logger {
  const debug = logger.debug.bind(logger);
  return {
    debug,
    info: debug,
    warn: debug,
    error: logger.error.bind(logger),
    with: (fields) => forDebugging(logger.with(fields)),
  };
}
