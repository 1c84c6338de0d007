// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { createFleet, startFileDiscovery } from '@llm-d/endpoint-picker';
import type { EndpointIdentity } from '@llm-d/scheduler-core';
import type { Logger } from '@llm-d/telemetry';
import { portsOf, ranksAt, type Engine, type EngineDiscovery, type EnginePorts } from './engine.ts';

export interface FileEnginesOptions {
  /** A file of the endpoint picker's `file-discovery`; labels may name ports. */
  readonly path: string;
  readonly ports: EnginePorts;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called at once, and for every change. */
  readonly changed: (engines: readonly Engine[]) => void;
}

/** A file says nothing of lives; restarts show in the numbers of batches. */
const EPOCH = 'file';

/** Follows a file that lists engines. Rejects with `EndpointsFileError` when it cannot be read at the start. */
export async function startFileEngines(options: FileEnginesOptions): Promise<EngineDiscovery> {
  const { path, ports, clock, logger, changed } = options;
  const fleet = createFleet();
  const discovery = await startFileDiscovery({ fleet, path, clock, logger });
  const tell = (): void => {
    changed(fleet.snapshot().flatMap((endpoint) => engineAt(endpoint, ports, logger)));
  };
  tell();
  const unwatch = fleet.watch(tell);
  const unlisten = fleet.listen({ endpointRelabelled: tell });
  return {
    isComplete: true,
    [Symbol.asyncDispose]: () => {
      unwatch();
      unlisten();
      discovery.stop();
      return Promise.resolve();
    },
  };
}

function engineAt(
  { id, name, address, hostPort, labels }: EndpointIdentity,
  ports: EnginePorts,
  logger: Logger,
): readonly Engine[] {
  try {
    const ranks = ranksAt(address, portsOf(labels, ports));
    return [{ pod: hostPort, name, identity: id, epoch: EPOCH, ranks }];
  } catch (error) {
    logger.warn('an engine is left out', { engine: name, error });
    return [];
  }
}
