// SPDX-License-Identifier: Apache-2.0
import type { GrpcServer, GrpcStream, GrpcStreamListener } from './grpc-server.ts';
import { Status } from './grpc/status.ts';

/** What a health check hears about a service that is known. */
export type Health = 'serving' | 'not-serving' | 'unknown';

/** Who knows how the services are. */
export interface HealthProvider {
  /** Health of a service by name, `''` being the whole server; undefined for a service that is not known. */
  status(service: string): Health | undefined;
  /** Calls `changed` whenever a status may be another one, until the function it returns is called. */
  subscribe(changed: () => void): () => void;
}

/** A watch costs as long as its client likes. */
const maxWatches = 1_000;

/** Values of `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const servingStatus: Readonly<Record<Health, number>> = {
  unknown: 0,
  serving: 1,
  'not-serving': 2,
};
const serviceUnknown = 3;

/** Serves `grpc.health.v1.Health`: Check, and Watch for at most 1,000 watchers at a time. */
export function serveHealth(server: GrpcServer, provider: HealthProvider): void {
  const watches = { count: 0 };
  server.handle('/grpc.health.v1.Health/Check', (stream) =>
    unary(stream, (service) => {
      const health = provider.status(service);
      if (health === undefined) {
        stream.end(Status.notFound, 'unknown service');
        return;
      }
      stream.send(response(servingStatus[health]));
      stream.end(Status.ok);
    }),
  );
  server.handle('/grpc.health.v1.Health/Watch', (stream) =>
    unary(stream, (service) => {
      if (watches.count >= maxWatches) stream.end(Status.resourceExhausted, 'too many watches');
      else watch(stream, { service, provider, watches });
    }),
  );
}

/** Hears exactly one request, then `answer`s it. */
function unary(stream: GrpcStream, answer: (service: string) => void): GrpcStreamListener {
  let asked = false;
  return {
    onMessage: (message) => {
      if (asked) {
        stream.end(Status.invalidArgument, 'more than one request');
        return;
      }
      asked = true;
      const service = requestedService(message);
      if (service === undefined) stream.end(Status.invalidArgument, 'not a HealthCheckRequest');
      else answer(service);
    },
    onHalfClose: () => {
      if (!asked) stream.end(Status.invalidArgument, 'no request');
    },
  };
}

/** Sends the status and each change of it. A watcher that does not read misses changes in between, not the last one. */
function watch(
  stream: GrpcStream,
  options: {
    readonly service: string;
    readonly provider: HealthProvider;
    readonly watches: { count: number };
  },
): void {
  const { service, provider, watches } = options;
  let told: number | undefined;
  const tell = (): void => {
    const health = provider.status(service);
    const status = health === undefined ? serviceUnknown : servingStatus[health];
    if (status === told || stream.signal.aborted) return;
    told = status;
    stream.send(response(status));
  };
  watches.count++;
  const unsubscribe = provider.subscribe(tell);
  stream.signal.addEventListener('abort', () => {
    watches.count--;
    unsubscribe();
  });
  tell();
}

/** Field 1, a varint below 128; the default 0 is left out as proto3 does. */
const response = (status: number): Buffer =>
  status === 0 ? Buffer.alloc(0) : Buffer.of(1 << 3, status);

const serviceTag = (1 << 3) | 2;

/**
 * The service of a HealthCheckRequest: its only field, a string with number 1. Undefined for other bytes. Two fields
 * of health checking are not worth a dependency on a protobuf runtime.
 */
function requestedService(message: Buffer): string | undefined {
  if (message.length === 0) return '';
  if (message[0] !== serviceTag) return undefined;
  const low = message[1] ?? 0;
  const long = low >= 0x80;
  const length = long ? (low & 0x7f) + (message[2] ?? 0) * 128 : low;
  const start = long ? 3 : 2;
  if ((message[2] ?? 0) >= 0x80 && long) return undefined;
  return start + length === message.length ? message.toString('utf8', start) : undefined;
}
