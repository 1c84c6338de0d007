// SPDX-License-Identifier: Apache-2.0
import { systemClock, type Clock } from '@llm-d/determinism';
import type { KvEventSource } from '@llm-d/kv-index';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import {
  jetstream,
  jetstreamManager,
  JetStreamApiCodes,
  JetStreamApiError,
} from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { KvBusError } from '../bus/kv-bus-error.ts';
import { connected } from '../bus/kv-bus-metrics.ts';
import type {
  KvBus,
  KvBusPosition,
  KvBusReader,
  KvBusReadOptions,
  KvSnapshotStore,
} from '../kv-bus.ts';
import type { KvMessage } from '../kv-message.ts';
import { decodeMessage } from './message-codec.ts';
import { NatsLink, type NatsCredentials, type NatsTls } from './nats-link.ts';
import { NatsPublisher } from './nats-publisher.ts';
import { readStream, type NatsReadingOptions } from './nats-reading.ts';
import { createNatsSnapshots } from './nats-snapshots.ts';
import { ensureStream } from './nats-stream.ts';
import { anyModelSubject, subjectOf } from './subject.ts';

export interface NatsKvBusOptions {
  /** Addresses of one NATS cluster, such as `nats://nats.example:4222` or `tls://…`. */
  readonly servers: string | readonly string[];
  /** Who we are. Default what an address says (`nats://user:password@…`), or nobody. */
  readonly credentials?: NatsCredentials | undefined;
  /** Default none, unless an address begins with `tls://`. */
  readonly tls?: NatsTls | undefined;
  /** How the server's lists name us. Default `llm-d-kv-bus`. */
  readonly name?: string | undefined;
  /** Default `KV_EVENTS`. It is made where it is missing. */
  readonly stream?: string | undefined;
  /** Of the stream's subjects. Default `kv.ev`. */
  readonly subjectPrefix?: string | undefined;
  /** Of heartbeats, which no stream keeps. Default `kv.hb`. */
  readonly heartbeatPrefix?: string | undefined;
  /** Where a stream that is made keeps messages. Default `file`. */
  readonly storage?: 'file' | 'memory' | undefined;
  /** Servers that each have the stream. Given, it is applied to a stream of ours that exists. Default 1. */
  readonly replicas?: number | undefined;
  /** How long messages are kept; as `replicas`. Default 30 minutes. */
  readonly maxAgeMs?: number | undefined;
  /** How much is kept; as `replicas`. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** How long a message that is published again is recognised; as `replicas`. Default 2 minutes, at most `maxAgeMs`. */
  readonly duplicateWindowMs?: number | undefined;
  /** Where snapshots lie. Default the stream's name and `_SNAPSHOTS`. */
  readonly snapshotBucket?: string | undefined;
  /** Messages on their way to the server at once. Default 512. */
  readonly maxPublishMessages?: number | undefined;
  /** The same in bytes of payload. Default 64 MiB. */
  readonly maxPublishBytes?: number | undefined;
  /** Messages that wait for a slow reader in memory. Default 256. */
  readonly readAheadMessages?: number | undefined;
  /** A connection without a sign of life for twice as long counts as broken while reading. Default 5,000, at least 500. */
  readonly idleHeartbeatMs?: number | undefined;
  /** Longest that the first connection, and any answer, may take. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Pause between tries to connect again. Default 500. */
  readonly reconnectDelayMs?: number | undefined;
  /** Default the system's. */
  readonly clock?: Clock | undefined;
  /** Default none. */
  readonly telemetry?: Telemetry | undefined;
}

/** A message and where it is on the bus. */
export interface PlacedMessage {
  readonly message: KvMessage;
  readonly position: KvBusPosition;
}

/** A bus on NATS JetStream. */
export interface NatsKvBus extends KvBus {
  /** Whether the server can be reached at this moment. */
  readonly isConnected: boolean;
  /**
   * The last message that the bus keeps of a source, from whichever of its lives; undefined where there is none. Rejects
   * when the server does not answer.
   */
  latestOf(source: Pick<KvEventSource, 'pod' | 'dpRank'>): Promise<PlacedMessage | undefined>;
  /** The last time that the bus was told of the end of a pod; otherwise as `latestOf`. */
  latestGoneOf(pod: string): Promise<PlacedMessage | undefined>;
}

/**
 * Connects to NATS and makes the stream where it is missing. From then on lost connections are mended: `publish` and
 * `read` go on behind them. Rejects with `KvBusError` when there is no server, it does not let us in, or its stream
 * cannot serve.
 */
export async function connectNatsKvBus(options: NatsKvBusOptions): Promise<NatsKvBus> {
  const { timeoutMs = 5_000, telemetry = noopTelemetry, clock = systemClock } = options;
  const link = await NatsLink.open({
    servers: typeof options.servers === 'string' ? [options.servers] : options.servers,
    credentials: options.credentials,
    tls: options.tls,
    name: options.name ?? 'llm-d-kv-bus',
    connectTimeoutMs: timeoutMs,
    reconnectDelayMs: options.reconnectDelayMs ?? 500,
    logger: telemetry.logger,
    connected: telemetry.metrics.gauge(connected, {}),
  });
  try {
    const jsm = await jetstreamManager(link.nc, { checkAPI: false, timeout: timeoutMs });
    const js = jetstream(link.nc, { timeout: timeoutMs });
    const stream = streamKeeper(options, { link, jsm, clock, telemetry });
    const parts = { link, js, jsm, ensureStream: stream, clock, telemetry, timeoutMs };
    return new JetStreamKvBus(options, parts, await stream());
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

interface NatsBusParts {
  readonly link: NatsLink;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly ensureStream: () => Promise<StreamInfo>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly timeoutMs: number;
}

const streamOf = (options: NatsKvBusOptions): string => options.stream ?? 'KV_EVENTS';
const subjectPrefixOf = (options: NatsKvBusOptions): string => options.subjectPrefix ?? 'kv.ev';

/** Asks once for all who ask at the same moment. */
function streamKeeper(
  options: NatsKvBusOptions,
  { link, jsm, clock, telemetry }: Pick<NatsBusParts, 'link' | 'jsm' | 'clock' | 'telemetry'>,
): () => Promise<StreamInfo> {
  const wanted = { ...options, stream: streamOf(options), subjectPrefix: subjectPrefixOf(options) };
  let asking: Promise<StreamInfo> | undefined;
  return () => {
    const answer = () => ensureStream(wanted, { jsm, clock, logger: telemetry.logger });
    asking ??= link.whileConnected(answer()).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

class JetStreamKvBus implements NatsKvBus {
  readonly snapshots: KvSnapshotStore;
  readonly #options: NatsKvBusOptions;
  readonly #parts: NatsBusParts;
  readonly #publisher: NatsPublisher;
  readonly #reading: NatsReadingOptions;
  readonly #closed = new AbortController();
  readonly #reads = new Set<Promise<void>>();

  constructor(options: NatsKvBusOptions, parts: NatsBusParts, { state }: StreamInfo) {
    this.#options = options;
    this.#parts = parts;
    const stream = streamOf(options);
    const heartbeatPrefix = options.heartbeatPrefix ?? 'kv.hb';
    this.#publisher = new NatsPublisher({
      ...parts,
      nc: parts.link.nc,
      stream,
      subjectPrefix: subjectPrefixOf(options),
      heartbeatPrefix,
      window: {
        maxMessages: options.maxPublishMessages ?? 512,
        maxBytes: options.maxPublishBytes ?? 64 * 2 ** 20,
      },
      answerTimeoutMs: parts.timeoutMs,
      repairStream: parts.ensureStream,
      latest: state.last_seq,
      closed: this.#closed.signal,
    });
    this.#reading = {
      ...parts,
      stream,
      heartbeatPrefix,
      readAheadMessages: options.readAheadMessages ?? 256,
      idleHeartbeatMs: options.idleHeartbeatMs ?? 5_000,
    };
    this.snapshots = createNatsSnapshots({
      js: parts.js,
      bucket: options.snapshotBucket ?? `${stream}_SNAPSHOTS`,
      storage: options.storage ?? 'file',
      replicas: options.replicas ?? 1,
      stallMs: 2 * parts.timeoutMs,
      logger: parts.telemetry.logger,
    });
  }

  get isConnected(): boolean {
    return this.#parts.link.isConnected;
  }

  publish(message: KvMessage, signal: AbortSignal): Promise<void> {
    if (message.kind !== 'heartbeat') return this.#publisher.publish(message, signal);
    return new Promise((resolve) => {
      signal.throwIfAborted();
      if (this.#closed.signal.aborted) throw new KvBusError('KV_BUS_CLOSED', 'the bus is closed');
      this.#publisher.heartbeat(message);
      resolve();
    });
  }

  async read(reader: KvBusReader, { after, signal }: KvBusReadOptions): Promise<void> {
    if (signal.aborted || this.#closed.signal.aborted) return;
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    const reading = readStream(reader, { after, signal: ends }, this.#reading);
    this.#reads.add(reading);
    try {
      await reading;
    } finally {
      this.#reads.delete(reading);
    }
  }

  latestOf(source: Pick<KvEventSource, 'pod' | 'dpRank'>): Promise<PlacedMessage | undefined> {
    return this.#latestAt(anyModelSubject(subjectPrefixOf(this.#options), source));
  }

  latestGoneOf(pod: string): Promise<PlacedMessage | undefined> {
    const gone = { kind: 'gone', pod, receivedMs: 0 } as const;
    return this.#latestAt(subjectOf(subjectPrefixOf(this.#options), gone));
  }

  async #latestAt(subject: string): Promise<PlacedMessage | undefined> {
    const { jsm, link } = this.#parts;
    try {
      const answer = jsm.streams.getMessage(streamOf(this.#options), { last_by_subj: subject });
      const found = await link.whileConnected(answer);
      const message = found === null ? undefined : decodeMessage(found.header, found.data);
      return message && { message, position: found?.seq ?? 0 };
    } catch (error) {
      const isNone =
        error instanceof JetStreamApiError && error.code === JetStreamApiCodes.NoMessageFound;
      if (isNone) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#reads);
    await this.#parts.link[Symbol.asyncDispose]();
  }
}
