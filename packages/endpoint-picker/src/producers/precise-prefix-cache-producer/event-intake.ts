// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock, type Random } from '@llm-d/determinism';
import type { KvMessage } from '@llm-d/kv-events';
import { formatHostPort, type Endpoint } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import type { EndpointNames } from './endpoint-names.ts';
import type { BoundSocket, KvEventSources, KvSourceContext } from './kv-event-sources.ts';
import type { OwnIndex } from './own-index.ts';
import type { KvEventsParameters } from './precise-prefix-parameters.ts';

export interface EventIntakeOptions {
  readonly settings: KvEventsParameters;
  readonly sources: KvEventSources;
  /** Takes every message. */
  readonly index: Pick<OwnIndex, 'begin' | 'onMessage'>;
  /** Of the present endpoints; kept by the caller. */
  readonly names: EndpointNames;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/** Something that is listened to. */
export interface Subscriber {
  /** Id of the endpoint, or what kind of source it is. */
  readonly source: string;
  readonly address: string;
  readonly replayAddress?: string;
}

/** Listens to what is configured, and to endpoints as they come and go. */
export interface EventIntake {
  added(endpoint: Endpoint): void;
  /** To be called while the endpoint's names are gone already. */
  removed(endpoint: Endpoint): void;
  /** Endpoints that are connected to, each of which should be heard of. */
  readonly connections: number;
  subscribers(): readonly Subscriber[];
  /** Resolves when nothing is listened to any more. */
  close(): Promise<void>;
}

/** Time before a source that failed is tried again; llm-d's delay. */
const RETRY_MS = 5000;

/** Starts to listen. */
export function startEventIntake(options: EventIntakeOptions): EventIntake {
  return new Intake(options);
}

interface Listening {
  readonly subscriber: Subscriber;
  readonly end: AbortController;
  readonly ended: Promise<void>;
}

class Intake implements EventIntake {
  readonly #options: EventIntakeOptions;
  readonly #shared: Listening[] = [];
  readonly #bySlot: (Listening | undefined)[] = [];
  readonly #endings = new Set<Promise<void>>();
  connections = 0;
  #position = 0;
  #bound: Parameters<BoundSocket['onBound']>[0] | undefined;

  constructor(options: EventIntakeOptions) {
    this.#options = options;
    const { settings } = options;
    if (settings.nats !== undefined) this.#shared.push(this.#followBus(settings.nats));
    else if (settings.zmqEndpoint !== '') this.#shared.push(this.#bind(settings.zmqEndpoint));
  }

  added(endpoint: Endpoint): void {
    const { settings } = this.#options;
    if (!settings.discoverPods || settings.nats !== undefined) return;
    this.#leave(endpoint.slot);
    this.#bySlot[endpoint.slot] = this.#follow(endpoint);
    this.connections++;
  }

  removed(endpoint: Endpoint): void {
    const { settings, clock } = this.#options;
    this.#leave(endpoint.slot);
    // Whoever fills a bus says so himself.
    if (settings.nats !== undefined) return;
    const receivedMs = clock.epochMs();
    for (const pod of [endpoint.hostPort, endpoint.address, endpoint.name]) {
      // Another pod may be known by the less exact names, or another rank by all of them.
      if (this.#options.names.slotsOf(pod, 0).length > 0) continue;
      this.#bound?.forget(pod);
      this.#forget(pod, receivedMs);
    }
  }

  subscribers(): readonly Subscriber[] {
    return [...this.#shared, ...this.#bySlot].flatMap((listening) =>
      listening === undefined ? [] : [listening.subscriber],
    );
  }

  async close(): Promise<void> {
    for (const listening of this.#shared.splice(0)) this.#end(listening);
    for (const slot of this.#bySlot.keys()) this.#leave(slot);
    await Promise.all(this.#endings);
  }

  #follow(endpoint: Endpoint): Listening {
    const { settings, sources, clock } = this.#options;
    const { socketPort, replaySocketPort } = settings.podDiscoveryConfig;
    const at = (port: number): string =>
      `tcp://${formatHostPort(endpoint.address, port + endpoint.rank)}`;
    const replayAddress = replaySocketPort === undefined ? undefined : at(replaySocketPort);
    const subscriber = {
      source: endpoint.id,
      address: at(socketPort),
      ...(replayAddress !== undefined && { replayAddress }),
    };
    const epoch = `${endpoint.id}@${clock.epochMs()}`;
    return this.#listen(subscriber, (context) =>
      sources.followEndpoint({
        ...context,
        endpoint: subscriber.address,
        replayEndpoint: replayAddress,
        pod: endpoint.hostPort,
        dpRank: endpoint.rank,
        epoch,
        topicFilter: settings.topicFilter,
        onMessage: (message) => (context.signal.aborted ? undefined : this.#take(message)),
      }),
    );
  }

  #bind(endpoint: string): Listening {
    const { settings, sources } = this.#options;
    return this.#listen({ source: 'zmqEndpoint', address: endpoint }, (context) =>
      sources.bindForEngines({
        ...context,
        endpoint,
        ranks: settings.zmqEndpointRanks,
        topicFilter: settings.topicFilter,
        onBound: (socket) => {
          this.#bound = socket;
        },
        onMessage: (message) => {
          this.#heardOf(message);
          return this.#take(message);
        },
      }),
    );
  }

  #followBus(nats: NonNullable<KvEventsParameters['nats']>): Listening {
    const { sources, index } = this.#options;
    const address = nats.servers.join(',');
    return this.#listen({ source: 'nats', address }, (context) =>
      sources.followBus({
        ...context,
        servers: nats.servers,
        stream: nats.stream,
        subjectPrefix: nats.subjectPrefix,
        heartbeatPrefix: nats.heartbeatPrefix,
        credentialsFile: nats.credentialsFile,
        snapshotBucket: nats.snapshotBucket,
        begin: (snapshot) => index.begin(snapshot),
      }),
    );
  }

  /** An engine that has connected does not listen: connecting to it would wait for ever. */
  #heardOf(message: KvMessage): void {
    if (message.kind === 'gone') return;
    const { pod, dpRank } = message.source;
    for (const slot of this.#options.names.slotsOf(pod, dpRank)) this.#leave(slot);
  }

  #take(message: KvMessage): void | Promise<void> {
    return this.#options.index.onMessage(message, ++this.#position);
  }

  #forget(pod: string, receivedMs: number): void {
    const failed = (error: unknown): void => {
      this.#options.telemetry.logger.error('a pod could not be forgotten', { pod, error });
    };
    try {
      this.#take({ kind: 'gone', pod, receivedMs })?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #listen(subscriber: Subscriber, source: (context: KvSourceContext) => Promise<void>): Listening {
    const { clock, random, telemetry } = this.#options;
    const end = new AbortController();
    const context = { clock, random, telemetry, signal: end.signal };
    return { subscriber, end, ended: keepGoing(subscriber, source, context) };
  }

  #leave(slot: number): void {
    const listening = this.#bySlot[slot];
    this.#bySlot[slot] = undefined;
    if (listening === undefined) return;
    this.connections--;
    this.#end(listening);
  }

  #end({ end, ended }: Listening): void {
    end.abort();
    const ending: Promise<void> = ended.finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }
}

/** Runs a source again and again, until the signal fires. Never rejects. */
async function keepGoing(
  { source: name, address }: Subscriber,
  source: (context: KvSourceContext) => Promise<void>,
  context: KvSourceContext,
): Promise<void> {
  const { clock, signal, telemetry } = context;
  while (!signal.aborted) {
    try {
      await source(context);
    } catch (error) {
      if (isOver(signal)) return;
      telemetry.logger.warn('a source of KV events failed', { source: name, address, error });
    }
    try {
      await sleep(clock, RETRY_MS, signal);
    } catch {
      return;
    }
  }
}

/** The signal may have fired while something was waited for. */
const isOver = (signal: AbortSignal): boolean => signal.aborted;
