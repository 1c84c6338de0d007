// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { createGrpcServer, serveHealth } from '@llm-d/grpc-server';
import type { Telemetry } from '@llm-d/telemetry';
import type { EppOptions } from '../options.ts';
import { listenGrpc } from './listen-grpc.ts';
import type { Readiness } from './readiness.ts';

/** Serves gRPC health, without TLS, for probes. Rejects with ListenError. */
export async function serveHealthPort(
  { host, healthPort }: Pick<EppOptions, 'host' | 'healthPort'>,
  parts: { readonly readiness: Readiness; readonly clock: Clock; readonly telemetry: Telemetry },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { readiness, clock, telemetry } = parts;
  const server = createGrpcServer({ clock, telemetry });
  serveHealth(server, readiness);
  const port = await listenGrpc(server, { host, port: healthPort, flag: '--grpc-health-port' });
  return { port, close: () => server.close() };
}
