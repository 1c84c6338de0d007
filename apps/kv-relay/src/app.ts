// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom, type Clock } from '@llm-d/determinism';
import { connectCluster } from '@llm-d/kube-runtime';
import { connectNatsKvBus, type NatsKvBus } from '@llm-d/kv-events/nats';
import { createReplayLimiter } from '@llm-d/kv-events/zmq';
import { formatHostPort } from '@llm-d/scheduler-core';
import { noopTracer, type Logger, type Telemetry } from '@llm-d/telemetry';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createAdminRoutes, type AdminRoutesOptions } from './admin-routes.ts';
import type { EngineDiscovery } from './engines/engine.ts';
import { startFileEngines } from './engines/file-engines.ts';
import { startKubeEngines } from './engines/kube-engines.ts';
import type { NatsOptions, RelayOptions } from './options.ts';
import { createRelay, type Relay } from './relay/relay.ts';
import { relayMetrics } from './relay/relay-metrics.ts';
import { StartError } from './start-error.ts';

/** A relay at work. */
export interface RunningRelay {
  /** Where metrics, probes and debugging are. */
  readonly url: string;
  readonly relay: Relay;
  /**
   * Takes nothing more from engines, publishes what it holds for as long as the options say, then lets go of everything.
   * What is not published by then is taken from the engines' replays by whoever comes next.
   */
  close(): Promise<void>;
}

interface Parts {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Starts a relay. Rejects with an error that `startError` knows where somebody must change something first. */
export async function startRelay(options: RelayOptions, logger: Logger): Promise<RunningRelay> {
  await using started = new AsyncDisposableStack();
  const clock = systemClock;
  const metrics = createPrometheusMetrics({ processMetrics: true, definitions: relayMetrics });
  const telemetry = { logger, metrics, tracer: noopTracer };
  const bus = started.use(await connectBus(options.nats, { clock, telemetry }));
  const publishing = new AbortController();
  const relay = createRelay(
    {
      bus,
      topicFilter: options.topicFilter,
      model: options.model,
      replays: createReplayLimiter(),
      ...{ clock, telemetry, random: systemRandom },
      publishSignal: publishing.signal,
    },
    options.shard,
  );
  started.defer(async () => {
    const late = clock.schedule(options.drainTimeoutMs, () => {
      publishing.abort(new Error('the time to publish what is held is up'));
    });
    await relay.close();
    late.cancel();
  });
  const discovery = started.use(await discover(options, relay, { clock, telemetry }));
  const admin = await serveAdmin(options, {
    sources: () => relay.sources(),
    notReady: () => notReady(bus, discovery),
    ...{ metrics, logger },
  });
  started.defer(() => admin.close());
  const all = started.move();
  return {
    url: `http://${formatHostPort(options.host === '::' ? '127.0.0.1' : options.host, admin.port)}`,
    relay,
    close: () => all.disposeAsync(),
  };
}

const notReady = (bus: NatsKvBus, discovery: EngineDiscovery): string | undefined => {
  if (!bus.isConnected) return 'NATS cannot be reached';
  return discovery.isComplete ? undefined : 'the engines are not known yet';
};

async function connectBus(options: NatsOptions, parts: Parts): Promise<NatsKvBus> {
  const { servers, stream, storage, replicas, maxAgeMs, maxBytes, token } = options;
  const [creds, ca, cert, key] = await Promise.all([
    readGiven('--nats-creds', options.credsFile),
    readGiven('--nats-ca', options.caFile),
    readGiven('--nats-cert', options.certFile),
    readGiven('--nats-key', options.keyFile),
  ]);
  const hasTls = ca !== undefined || cert !== undefined;
  return connectNatsKvBus({
    name: 'llm-d-kv-relay',
    ...{ servers, stream, storage, replicas, maxAgeMs, maxBytes },
    ...(hasTls && { tls: { ca, cert, key } }),
    ...(creds !== undefined && { credentials: { kind: 'creds', text: creds } }),
    ...(creds === undefined && token !== undefined && { credentials: { kind: 'token', token } }),
    ...parts,
  });
}

async function readGiven(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new StartError(`${flag} ${path} cannot be read`, error);
  }
}

async function discover(
  { engines, ports }: RelayOptions,
  relay: Relay,
  { clock, telemetry }: Parts,
): Promise<EngineDiscovery> {
  const changed = relay.reconcile.bind(relay);
  if (engines.kind === 'file') {
    return startFileEngines({
      path: engines.path,
      ports,
      clock,
      logger: telemetry.logger,
      changed,
    });
  }
  const { namespace, labelSelector, servingPort, engineContainer } = engines;
  await using started = new AsyncDisposableStack();
  const { client } = started.use(
    await connectCluster(engines.cluster, { clock, userAgent: 'llm-d-kv-relay' }),
  );
  const discovery = startKubeEngines({
    client,
    ...{ namespace, labelSelector, servingPort, engineContainer, ports },
    ...{ clock, telemetry, random: systemRandom, changed },
  });
  const cluster = started.move();
  return {
    get isComplete() {
      return discovery.isComplete;
    },
    [Symbol.asyncDispose]: async () => {
      await discovery[Symbol.asyncDispose]();
      await cluster.disposeAsync();
    },
  };
}

async function serveAdmin(
  { host, adminPort }: RelayOptions,
  options: AdminRoutesOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const app = createAdminRoutes(options);
  try {
    await app.listen({ host, port: adminPort });
  } catch (error) {
    await app.close();
    throw new StartError(`cannot listen on port ${adminPort} of --admin-port`, error);
  }
  // A TCP server's address is an object.
  const { port } = app.server.address() as AddressInfo;
  return { port, close: () => app.close() };
}
