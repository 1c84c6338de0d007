// SPDX-License-Identifier: Apache-2.0
import type { FastifyServerFactory } from 'fastify';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { CertificateError, readCertificate, type TlsCertificate } from '@llm-d/app-process/tls';
import type { EppOptions } from '../options.ts';

/** The metrics port's certificate, and whose certificates it asks for. */
export interface AdminTls extends TlsCertificate {
  /** Authorities of which every client must show a certificate; undefined where none has to. */
  readonly clientCa: Buffer | undefined;
}

/** What options say about TLS on the metrics port; undefined for plaintext. Rejects with CertificateError. */
export async function readAdminTls({
  metricsCertPath,
  metricsClientCaFile,
}: Pick<EppOptions, 'metricsCertPath' | 'metricsClientCaFile'>): Promise<AdminTls | undefined> {
  if (metricsCertPath === undefined) return undefined;
  const certificate = await readCertificate(metricsCertPath);
  return { ...certificate, clientCa: await readAuthorities(metricsClientCaFile) };
}

async function readAuthorities(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new CertificateError(path, error);
  }
}

/** Makes the HTTP server of the metrics port. */
export function adminServerFactory(tls: AdminTls | undefined): FastifyServerFactory {
  return (handler) =>
    tls === undefined
      ? createServer(handler)
      : createTlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            ...(tls.clientCa !== undefined && {
              ca: tls.clientCa,
              requestCert: true,
              rejectUnauthorized: true,
            }),
          },
          handler,
        );
}

/** Connections from now on are made with this, where `server` speaks TLS. */
export function setAdminTls(server: Server, { cert, key, clientCa }: AdminTls): void {
  if (!(server instanceof TlsServer)) return;
  server.setSecureContext({ cert, key, ...(clientCa !== undefined && { ca: clientCa }) });
}
