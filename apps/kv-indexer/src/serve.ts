// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { createGrpcServer, serveHealth, type Health } from '@llm-d/grpc-server';
import type { KvIndexFollower } from '@llm-d/kv-events';
import type { MemoryKvBlockIndex } from '@llm-d/kv-index';
import type { Telemetry } from '@llm-d/telemetry';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import type { AddressInfo } from 'node:net';
import { serveIndexerService } from './grpc/indexer-service.ts';
import { createCacheMap } from './http/cache-map.ts';
import { createHttpRoutes } from './http/create-http-routes.ts';
import type { KvIndexerOptions } from './options.ts';
import type { IndexerApi } from './queries/indexer-api.ts';
import { ListenError } from './start-error.ts';

export interface ServedParts {
  readonly api: IndexerApi;
  readonly index: MemoryKvBlockIndex;
  readonly follower: KvIndexFollower;
  /** What is worth knowing of this replica. */
  readonly status: () => object;
  /** Why this replica wants no questions; undefined when it does. */
  readonly notReady: () => string | undefined;
  /** Whether it may become ready without being started again. */
  readonly isAlive: () => boolean;
  readonly metrics: Pick<PrometheusMetrics, 'contentType' | 'expose'>;
  /** How long a survey of the blocks serves. */
  readonly surveyForMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface Served {
  readonly httpPort: number;
  readonly grpcPort: number;
  close(): Promise<void>;
}

type ServeOptions = Pick<KvIndexerOptions, 'host' | 'httpPort' | 'grpcPort' | 'maxBodyBytes'>;

/** gRPC calls under way may end by themselves for this long. */
const LAST_CALL_MS = 1000;

/** Serves HTTP and gRPC. Rejects with ListenError. */
export async function serve(options: ServeOptions, parts: ServedParts): Promise<Served> {
  await using started = new AsyncDisposableStack();
  const { host, maxBodyBytes } = options;
  const { clock, telemetry } = parts;
  const routes = createHttpRoutes({
    ...parts,
    ...{ logger: telemetry.logger, maxBodyBytes },
    map: createCacheMap(parts),
  });
  started.defer(() => routes.close());
  await listening('--http-port', options.httpPort, () =>
    routes.listen({ host, port: options.httpPort }),
  );
  const grpc = createGrpcServer({ clock, telemetry, maxReceiveBytes: maxBodyBytes });
  started.defer(() => grpc.drain(LAST_CALL_MS));
  serveIndexerService(grpc, parts.api, telemetry.logger);
  serveHealth(grpc, { status: () => healthOf(parts), subscribe: () => () => undefined });
  const { port: grpcPort } = await listening('--grpc-port', options.grpcPort, () =>
    grpc.listen({ host, port: options.grpcPort }),
  );
  const all = started.move();
  // A TCP server's address is an object.
  const { port: httpPort } = routes.server.address() as AddressInfo;
  return { httpPort, grpcPort, close: () => all.disposeAsync() };
}

const healthOf = ({ notReady }: ServedParts): Health =>
  notReady() === undefined ? 'serving' : 'not-serving';

async function listening<T>(flag: string, port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    throw new ListenError(flag, port, error);
  }
}
