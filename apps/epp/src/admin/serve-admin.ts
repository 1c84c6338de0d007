// SPDX-License-Identifier: Apache-2.0
import { followCertificate, readCertificate } from '@llm-d/app-process/tls';
import type { Clock } from '@llm-d/determinism';
import type { ConfigRecord, RunningPicker } from '@llm-d/endpoint-picker';
import type { Logger } from '@llm-d/telemetry';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import type { AddressInfo } from 'node:net';
import type { Kubernetes } from '../kubernetes/start-kubernetes.ts';
import type { EppOptions } from '../options.ts';
import { ListenError } from '../serving/listen-error.ts';
import type { Readiness } from '../serving/readiness.ts';
import { createAdminRoutes } from './admin-routes.ts';
import { readAdminTls, setAdminTls } from './admin-tls.ts';

export interface AdminParts {
  readonly running: RunningPicker;
  readonly record: ConfigRecord;
  readonly readiness: Readiness;
  /** Undefined where no cluster is asked for anything. */
  readonly kubernetes: Kubernetes | undefined;
  readonly metrics: PrometheusMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

type AdminServerOptions = Pick<
  EppOptions,
  'host' | 'adminPort' | 'guardsMetrics' | 'metricsCertPath' | 'metricsClientCaFile'
>;

/** Serves metrics and debugging over HTTP. Rejects with ListenError or CertificateError. */
export async function serveAdmin(
  options: AdminServerOptions,
  parts: AdminParts,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { host = '::', adminPort, metricsCertPath } = options;
  const { readiness, kubernetes, clock, logger } = parts;
  const tls = await readAdminTls(options);
  const app = createAdminRoutes({
    ...parts,
    notReady: () => readiness.notReady,
    conditions: () => kubernetes?.conditions() ?? [],
    mayScrape: options.guardsMetrics ? kubernetes?.mayScrape : undefined,
    tls,
  });
  try {
    await app.listen({ host, port: adminPort });
  } catch (error) {
    await app.close();
    throw new ListenError('--metrics-port', adminPort, error);
  }
  // A TCP server's address is an object.
  const { port } = app.server.address() as AddressInfo;
  const following =
    tls === undefined || metricsCertPath === undefined
      ? undefined
      : followCertificate(
          {
            setCertificate: (certificate) => {
              setAdminTls(app.server, { ...certificate, clientCa: tls.clientCa });
            },
          },
          { read: () => readCertificate(metricsCertPath), current: tls, clock, logger },
        );
  return {
    port,
    close: async () => {
      following?.stop();
      await app.close();
    },
  };
}
