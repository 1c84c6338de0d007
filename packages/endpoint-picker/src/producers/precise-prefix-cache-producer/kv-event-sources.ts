// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import type { KvBusPosition, KvBusReader, KvMessage, KvSnapshot } from '@llm-d/kv-events';
import type { KvMatches, RequestKeyAlgorithm } from '@llm-d/kv-index';
import type { Telemetry } from '@llm-d/telemetry';

/** What every source works with. */
export interface KvSourceContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Ends the source. */
  readonly signal: AbortSignal;
}

/** One engine's publisher, which listens. */
export interface FollowedEndpoint extends KvSourceContext {
  /** Such as `tcp://10.0.0.1:5557`. */
  readonly endpoint: string;
  /** Where lost batches can be had again; undefined where they cannot. */
  readonly replayEndpoint: string | undefined;
  /** Address and port at which the pod serves requests. */
  readonly pod: string;
  readonly dpRank: number;
  /** One life of the endpoint, as far as the fleet knows. */
  readonly epoch: string;
  /** What its topics begin with that count. */
  readonly topicFilter: string;
  /** As of a bus's reader: the next message of a source waits for the promise, and one that is refused comes again. */
  readonly onMessage: (message: KvMessage) => void | Promise<void>;
}

/** Sockets that engines connect to. */
export interface BoundSocket extends KvSourceContext {
  /** Of rank 0, such as `tcp://*:5557`; rank r connects to the port r further on. */
  readonly endpoint: string;
  /** Ranks that are listened for. */
  readonly ranks: number;
  /** To be called when it listens, with how to forget what is known of a pod that is gone. */
  readonly onBound: (socket: { forget(pod: string): void }) => void;
  readonly topicFilter: string;
  readonly onMessage: (message: KvMessage) => void | Promise<void>;
}

/** How a bus is read. */
export interface BusBeginning {
  readonly reader: KvBusReader;
  /** Behind which place; undefined for everything that the bus has. */
  readonly after: KvBusPosition | undefined;
}

/** A JetStream stream that somebody fills with the engines' events. */
export interface FollowedBus extends KvSourceContext {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly subjectPrefix: string;
  readonly heartbeatPrefix: string;
  readonly credentialsFile: string | undefined;
  /** Bucket with the bus's snapshots; undefined for the usual one. */
  readonly snapshotBucket: string | undefined;
  /** To be called once the bus is there, with its newest snapshot if it has one. */
  readonly begin: (snapshot: KvSnapshot | undefined) => Promise<BusBeginning>;
}

/** Where an index in Redis is. */
export interface RedisIndexOptions extends KvSourceContext {
  /** With its scheme. */
  readonly address: string;
  /** How the keys are made that are looked up. */
  readonly keys: {
    readonly algorithm: RequestKeyAlgorithm;
    readonly hashSeed: string;
    readonly blockSizeTokens: number;
  };
  readonly tierWeights: Readonly<Record<string, number>>;
}

/** An index that somebody else keeps, to look things up in. */
export interface RemoteKvIndex {
  /** Why what it finds may be wrong, as of its last answer; undefined where nothing is known against it. */
  doubt(): string | undefined;
  lookup(requestKeys: Uint32Array): Promise<KvMatches>;
  close(): Promise<void>;
}

/** A speculative entry as replicas tell it to each other. */
export interface SharedSpeculation {
  /** Address and port of the endpoint that the request was sent to. */
  readonly endpoint: string;
  /** Request keys of the prompt's blocks, as pairs. */
  readonly keys: Uint32Array;
  /** How long (ms) it counts from now on. */
  readonly ttlMs: number;
}

/** Has other replicas know what was sent where. */
export interface SpeculationExchange {
  /** Must not throw or wait; one that is lost costs a hit. */
  publishSpeculation(speculation: SharedSpeculation): void;
  /** Calls back with those of other replicas. Returns how to stop. */
  onSpeculation(listener: (speculation: SharedSpeculation) => void): () => void;
}

/**
 * Where KV events come from: the part of precise prefix matching that does I/O. Each of the first three resolves when
 * the signal fires and everything of it is closed, and rejects when it cannot go on; it is called again then.
 */
export interface KvEventSources {
  /** Listens to one engine, across lost connections. */
  followEndpoint(options: FollowedEndpoint): Promise<void>;
  /** Listens for engines that connect. Pods are known by their topics. */
  bindForEngines(options: BoundSocket): Promise<void>;
  /** Reads a bus: the newest snapshot that there is, then what came since. */
  followBus(options: FollowedBus): Promise<void>;
  /** Must not fail: what is not there is connected to later. */
  openRedis(options: RedisIndexOptions): RemoteKvIndex;
  /** Absent where replicas know nothing of each other. */
  readonly speculation?: SpeculationExchange;
}
