// SPDX-License-Identifier: Apache-2.0
import { followCertificate, readCertificate, selfSignedCertificate } from '@llm-d/app-process/tls';
import type { Clock } from '@llm-d/determinism';
import { createGrpcServer, serveHealth, type GrpcServer } from '@llm-d/grpc-server';
import { createGrpcJsServer } from '@llm-d/grpc-server/grpc-js';
import { externalProcessorProcessPath } from '@llm-d/protos';
import type { Logger, Telemetry } from '@llm-d/telemetry';
import type { Processor } from '../ext-proc/processor.ts';
import type { EppOptions } from '../options.ts';
import { listenGrpc } from './listen-grpc.ts';
import type { Readiness } from './readiness.ts';

export interface ExtProcParts {
  readonly processor: Processor;
  readonly readiness: Readiness;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

/** The port that proxies connect to. */
export interface ExtProcServer {
  readonly port: number;
  /** Whether no proxy is connected. */
  isAlone(): boolean;
  /** Takes nothing new, and ends after `ms` what has not ended by itself. */
  drain(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Serves ext_proc. Rejects with CertificateError or ListenError. */
export async function serveExtProc(
  options: EppOptions,
  parts: ExtProcParts,
): Promise<ExtProcServer> {
  const { processor, readiness, clock, logger } = parts;
  const { server, connections } = createServer(options, parts);
  server.handle(externalProcessorProcessPath, processor.handler);
  if (options.healthOnGrpcPort) serveHealth(server, readiness);

  const { certPath } = options;
  const read = () =>
    certPath === undefined ? selfSignedCertificate(clock.epochMs()) : readCertificate(certPath);
  const tls = options.secure ? await read() : undefined;
  const port = await listenGrpc(server, {
    ...options,
    port: options.grpcPort,
    flag: '--grpc-port',
    tls,
  });
  const following =
    tls !== undefined && options.reloadsCert
      ? followCertificate(server, { read, current: tls, clock, logger })
      : undefined;
  return {
    port,
    isAlone: () => processor.streams === 0 && connections() === 0,
    drain: (ms) => server.drain(ms),
    close: async () => {
      following?.stop();
      await server.close();
    },
  };
}

/** The transport of choice. grpc-js does not tell how many connections it has. */
function createServer(
  { grpcTransport, maxReceiveBytes }: EppOptions,
  { clock, telemetry }: ExtProcParts,
): { readonly server: GrpcServer; readonly connections: () => number | undefined } {
  const settings = { maxReceiveBytes, clock, telemetry };
  if (grpcTransport === 'grpc-js') {
    return { server: createGrpcJsServer(settings), connections: () => undefined };
  }
  const server = createGrpcServer(settings);
  return { server, connections: () => server.openConnections };
}
