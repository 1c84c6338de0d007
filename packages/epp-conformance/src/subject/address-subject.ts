// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { fileEndpointSource, type FleetEndpoint } from '../engines/endpoint-source.ts';
import { givenFleet, startEngineFleet } from '../engines/fleet.ts';
import type { GrpcAddress, Transport } from '../proxy/ext-proc-connection.ts';
import { acceptsConnections } from './accepts-connections.ts';
import type { Setup } from './setup.ts';
import {
  SubjectStartError,
  type RunningSubject,
  type SetupUnavailable,
  type Subject,
} from './subject.ts';

/** How a running endpoint picker knows its endpoints. */
export type RunningDiscovery =
  /** It watches a file, which the kit writes. */
  | { readonly kind: 'file'; readonly path: string }
  /** They are what they are. */
  | { readonly kind: 'none'; readonly endpoints: readonly FleetEndpoint[] };

export interface AddressSubjectOptions {
  readonly clock: Clock;
  readonly discovery: RunningDiscovery;
  readonly health?: GrpcAddress | undefined;
  readonly metricsUrl?: string | undefined;
  /** Default `auto`. */
  readonly transport?: Transport | 'auto';
}

/** An endpoint picker that runs already, with llm-d's default configuration or what comes near it. */
export function addressSubject(grpc: GrpcAddress, options: AddressSubjectOptions): Subject {
  return {
    name: `${grpc.host}:${grpc.port}`,
    start: (setup) => attach(grpc, setup, options),
  };
}

async function attach(
  grpc: GrpcAddress,
  setup: Setup,
  options: AddressSubjectOptions,
): Promise<RunningSubject | SetupUnavailable> {
  const { discovery } = options;
  if (!setup.isDefault) {
    return {
      kind: 'unavailable',
      reason: 'a running endpoint picker has the configuration it has',
    };
  }
  if (discovery.kind === 'none' && setup.id !== 'default') {
    return { kind: 'unavailable', reason: 'its endpoints cannot be changed' };
  }
  if (!(await acceptsConnections(grpc))) {
    throw new SubjectStartError(setup.id, `nobody listens on ${grpc.host}:${grpc.port}`);
  }
  await using started = new AsyncDisposableStack();
  const fleet =
    discovery.kind === 'none'
      ? givenFleet(discovery.endpoints)
      : started.use(
          await startEngineFleet(setup.layout, {
            clock: options.clock,
            source: fileEndpointSource(discovery.path),
          }),
        );
  const all = started.move();
  return {
    kind: 'running',
    grpc,
    transport: options.transport ?? 'auto',
    health: options.health,
    metricsUrl: options.metricsUrl,
    fleet,
    process: undefined,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
