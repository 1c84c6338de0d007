// SPDX-License-Identifier: Apache-2.0
import { connectCluster } from '@llm-d/kube-runtime';
import {
  followCertificate,
  readCertificate,
  selfSignedCertificate,
  type TlsCertificate,
} from '@llm-d/app-process/tls';
import { systemClock, systemRandom } from '@llm-d/determinism';
import { noopTracer, type Logger, type Telemetry } from '@llm-d/telemetry';
import { startTracing } from '@llm-d/telemetry/otlp';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { randomUUID } from 'node:crypto';
import { connectors } from './connectors/connector-table.ts';
import type { SidecarOptions } from './options.ts';
import { createBreakers } from './prefill/breakers.ts';
import { createEngineIds, type EngineIds } from './prefill/engine-ids.ts';
import { createPrefillClient } from './prefill/prefill-client.ts';
import { collect } from './proxy/collect.ts';
import { createDecodeServer } from './proxy/decode-server.ts';
import { createDisaggregation } from './proxy/disaggregation.ts';
import { createSidecarProxy, type SidecarProxy } from './proxy/sidecar-proxy.ts';
import { createUpstream, type Upstream } from './proxy/upstream.ts';
import { anyOf, everyTarget, listedTargets, type AllowList } from './routing/allow-list.ts';
import { startPoolAllowList } from './routing/pool-allow-list.ts';
import { hostPortOf, parseTarget } from './routing/target.ts';
import { createAdmin } from './serving/admin.ts';
import { listen, type Listener } from './serving/listen.ts';
import { sidecarMetrics } from './sidecar-metrics.ts';

/** A sidecar that takes requests. */
export interface Sidecar {
  /** Ports by data-parallel rank. */
  readonly ports: readonly number[];
  readonly secure: boolean;
  /** Of its own metrics; undefined where there are none. */
  readonly metricsPort: number | undefined;
  /** Requests being handled. */
  readonly inFlight: () => number;
  /** Stops taking connections, lets requests end for as long as options say, then cuts what is left. */
  close(): Promise<void>;
  /** Ends the waiting of {@link close}. */
  hurry(): void;
}

/** Prefillers whose connections are kept. */
const MAX_PREFILLERS = 1024;
/** As long as vLLM waits for it. */
const BOOTSTRAP_TIMEOUT_MS = 5000;

type CleanUp = () => void | Promise<void>;

/**
 * Starts a sidecar. Rejects with ListenError, CertificateError or KubeConfigError, each saying what to change; nothing is left
 * running then.
 */
export async function startSidecar(
  options: SidecarOptions,
  logger: Logger,
  { version = 'unknown' }: { readonly version?: string } = {},
): Promise<Sidecar> {
  const cleanUps: CleanUp[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const step of cleanUps.reverse()) await step();
  };
  try {
    return await compose(options, { logger, version, cleanUps, cleanUp });
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

interface Composing {
  readonly logger: Logger;
  readonly version: string;
  readonly cleanUps: CleanUp[];
  readonly cleanUp: () => Promise<void>;
}

async function compose(
  options: SidecarOptions,
  { logger, version, cleanUps, cleanUp }: Composing,
): Promise<Sidecar> {
  const clock = systemClock;
  const random = systemRandom;
  const metrics = createPrometheusMetrics({ processMetrics: true, definitions: sidecarMetrics });
  const tracing =
    options.tracing &&
    (await startTracing({
      settings: options.tracing,
      logger,
      timers: clock,
      serviceVersion: version,
    }));
  cleanUps.push(() => tracing?.close());
  const telemetry = { logger, metrics, tracer: tracing?.tracer ?? noopTracer };
  const parts = { ...telemetry, clock, random, newId: randomUUID };

  const allowList = await startAllowList(options, telemetry, cleanUps);
  const upstream = (transport: {
    readonly tls: boolean;
    readonly skipsVerify: boolean;
  }): Upstream => {
    const made = createUpstream({
      ...transport,
      connectTimeoutMs: options.connectTimeoutMs,
      maxServers: MAX_PREFILLERS,
    });
    cleanUps.push(() => made.destroy());
    return made;
  };
  const decodeUpstream = upstream(options.decodeTransport);
  const disaggregation = createDisaggregation({
    ...parts,
    connector: connectors[options.connector],
    settings: options.settings,
    policy: options.prefillFailure,
    prefill: createPrefillClient({
      ...parts,
      upstream: upstream(options.prefillTransport),
      breakers: createBreakers({ settings: options.breaker, clock, logger }),
      timeoutMs: options.prefillTimeoutMs,
      maxRetries: options.prefillMaxRetries,
      retryBackoffMs: options.prefillRetryBackoffMs,
    }),
    decode: createDecodeServer({ ...parts, ...options }),
    engines: bootstrapEngines(options, upstream({ tls: false, skipsVerify: false })),
  });
  const proxy = createSidecarProxy({
    ...options,
    ...parts,
    telemetry,
    disaggregation,
    allowList,
    upstream: decodeUpstream,
    basePort: options.port,
    pullsFromPeers: options.connector === 'offloading' || options.settings.pullsFromPeers,
  });
  const listeners = await serve(options, { proxy, logger, cleanUps });
  const admin = await serveAdmin(options, {
    handle: createAdmin({ metrics, notReady: () => allowList.notReady }),
    cleanUps,
  });
  const cut = (): void => {
    for (const listener of listeners) listener.destroy();
  };
  return {
    ports: listeners.map(({ port }) => port),
    secure: options.tls !== undefined,
    metricsPort: admin?.port,
    inFlight: () => proxy.inFlight,
    close: async () => {
      const drained = Promise.all(listeners.map((listener) => listener.drain()));
      const timer = clock.schedule(options.drainTimeoutMs, cut);
      await drained;
      timer.cancel();
      await cleanUp();
    },
    hurry: cut,
  };
}

async function startAllowList(
  { allowed }: SidecarOptions,
  telemetry: Telemetry,
  cleanUps: CleanUp[],
): Promise<AllowList> {
  const { logger } = telemetry;
  if (allowed === undefined) {
    logger.info('servers named by headers are not checked; see --enable-ssrf-protection');
    return everyTarget;
  }
  const lists: AllowList[] = [];
  if (allowed.targets.length > 0) lists.push(listedTargets(allowed.targets));
  if (allowed.pool !== undefined) {
    const cluster = await connectCluster(allowed.pool.cluster, {
      clock: systemClock,
      userAgent: 'llm-d-routing-sidecar',
    });
    cleanUps.push(async () => {
      await cluster[Symbol.asyncDispose]();
    });
    const { client } = cluster;
    const parts = { client, clock: systemClock, random: systemRandom, telemetry };
    lists.push(startPoolAllowList(allowed.pool, parts));
  }
  const list = anyOf(lists);
  cleanUps.push(() => list.stop());
  return list;
}

function bootstrapEngines(options: SidecarOptions, upstream: Upstream): EngineIds {
  return createEngineIds({
    clock: systemClock,
    ttlMs: options.engineCacheTtlMs,
    ask: async (hostPort, signal) => {
      const host = parseTarget(hostPort)?.host ?? '';
      const at = hostPortOf(host, options.settings.mooncakeBootstrapPort);
      const asked = await collect({
        pool: upstream.poolOf(at),
        method: 'GET',
        path: '/query',
        headers: [],
        body: null,
        signal,
        timeoutMs: BOOTSTRAP_TIMEOUT_MS,
        clock: systemClock,
        maxBytes: 1024 * 1024,
        beyond: 'fails',
      });
      if (asked.kind === 'failed') throw asked.error;
      if (asked.kind === 'answered' && asked.answer.status === 200) return asked.answer.body;
      return Buffer.alloc(0);
    },
  });
}

interface Serving {
  readonly proxy: SidecarProxy;
  readonly logger: Logger;
  readonly cleanUps: CleanUp[];
}

/** A port for every data-parallel rank. */
async function serve(
  options: SidecarOptions,
  { proxy, logger, cleanUps }: Serving,
): Promise<readonly Listener[]> {
  const { host, port, requestTimeoutMs } = options;
  const tls = options.tls && {
    ...(await certificateOf(options.tls.certPath)),
    policy: options.tls.policy,
  };
  const listeners: Listener[] = [];
  cleanUps.push(() => {
    for (const listener of listeners) {
      listener.destroy();
      void listener.drain();
    }
  });
  for (let rank = 0; rank < options.dataParallelSize; rank++) {
    listeners.push(
      await listen({
        ...{ host, tls, requestTimeoutMs, flag: '--port' },
        port: port === 0 ? 0 : port + rank,
        handle: (request, response) => {
          proxy.handle(rank, request, response);
        },
        upgrade: (request, socket, head) => {
          proxy.upgrade(rank, request, socket, head);
        },
      }),
    );
  }
  const certPath = options.tls?.certPath;
  if (tls !== undefined && certPath !== undefined) {
    const setCertificate = (certificate: TlsCertificate): void => {
      for (const listener of listeners) listener.setCertificate(certificate);
    };
    const read = (): Promise<TlsCertificate> => readCertificate(certPath);
    const follow = { read, current: tls, clock: systemClock, logger };
    const following = followCertificate({ setCertificate }, follow);
    cleanUps.push(() => {
      following.stop();
    });
  }
  return listeners;
}

const certificateOf = (certPath: string | undefined): Promise<TlsCertificate> =>
  certPath === undefined ? selfSignedCertificate(systemClock.epochMs()) : readCertificate(certPath);

async function serveAdmin(
  { host, metricsPort, requestTimeoutMs }: SidecarOptions,
  {
    handle,
    cleanUps,
  }: { readonly handle: ReturnType<typeof createAdmin>; readonly cleanUps: CleanUp[] },
): Promise<Listener | undefined> {
  if (metricsPort === undefined) return undefined;
  const listener = await listen({
    ...{ host, port: metricsPort, requestTimeoutMs, handle },
    flag: '--metrics-port',
    upgrade: (_, socket) => socket.destroy(),
  });
  cleanUps.push(async () => {
    listener.destroy();
    await listener.drain();
  });
  return listener;
}
