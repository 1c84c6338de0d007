// SPDX-License-Identifier: Apache-2.0
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep, systemClock, type Clock } from '@llm-d/determinism';
import { createSharedKvStorage } from '@llm-d/engine-sim';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { KvEventAddress } from './kv-events/kv-event-publisher.ts';
import type { InferenceSimOptions } from './options.ts';
import { Replica } from './replica.ts';

export interface InferenceSimDependencies {
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly telemetry?: Telemetry;
}

/** A running simulator. */
export interface InferenceSim {
  /** One port per engine, in order: the ranks of the first replica, those of the second, ... */
  readonly ports: readonly number[];
  /** Where each engine's KV events can be heard; empty if they are not published. */
  readonly kvEvents: readonly KvEventAddress[];
  /** Stops listening, lets answers under way finish for up to `drainMs` (default 0), then ends them. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

/** A port that cannot be listened on. */
export class ListenError extends Error {
  readonly code = 'LISTEN_FAILED';
  readonly port: number;
  constructor(host: string, port: number, options: ErrorOptions) {
    const reason = options.cause instanceof Error ? options.cause.message : 'unknown reason';
    const inUse = isInUse(options.cause);
    super(
      inUse
        ? `port ${port} on ${host} is already in use; choose another with --port`
        : `cannot listen on ${host} port ${port} (--host, --port): ${reason}`,
      options,
    );
    this.name = 'ListenError';
    this.port = port;
  }
}

/**
 * Starts the engines and their servers. Either all listen or, after a {@link ListenError} or `KvEventEndpointError`,
 * none.
 */
export async function startInferenceSim(
  options: InferenceSimOptions,
  dependencies: InferenceSimDependencies = {},
): Promise<InferenceSim> {
  const { clock = systemClock, telemetry = noopTelemetry } = dependencies;
  const { sharedMedium } = options.offload;
  const storage =
    sharedMedium === undefined ? undefined : createSharedKvStorage({ medium: sharedMedium });
  const replicas = Array.from(
    { length: options.replicas * options.dataParallelSize },
    (_, index) => new Replica({ options, index, storage, clock, telemetry }),
  );
  const close = async ({ drainMs = 0 } = {}): Promise<void> => {
    await Promise.all(replicas.map((replica) => closeReplica(replica, drainMs, clock)));
  };
  const ports: number[] = [];
  try {
    for (const [index, replica] of replicas.entries()) {
      const port = options.port === 0 ? 0 : options.port + index;
      ports.push(await listen(replica.server, options.host, port));
      await replica.openEvents(ports.at(-1) ?? 0);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const kvEvents = replicas.map(({ eventAddress }) => eventAddress);
  return { ports, kvEvents: kvEvents.filter((address) => address !== undefined), close };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new ListenError(host, port, { cause }));
    });
    server.listen(port, host, () => {
      // A listening TCP server has an address of this form.
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function closeReplica(replica: Replica, drainMs: number, clock: Clock): Promise<void> {
  const { server, engine } = replica;
  const closed = new Promise<void>((resolve) => {
    if (!server.listening) resolve();
    else {
      server.close(() => {
        resolve();
      });
    }
  });
  server.closeIdleConnections();
  if (drainMs > 0) {
    const patience = new AbortController();
    await Promise.race([closed, sleep(clock, drainMs, patience.signal).catch(() => undefined)]);
    patience.abort();
  }
  engine.stop();
  server.closeAllConnections();
  await closed;
  await replica.closeEvents();
}

function isInUse(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}
