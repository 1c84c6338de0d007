// SPDX-License-Identifier: Apache-2.0
import { Router, XPublisher } from 'zeromq';

export interface EngineSocketOptions {
  /** Default `kv@10.0.0.1:8000@m`. */
  readonly topic?: string;
  /** Where it binds, or connects to where `connects` says so. Default a free port of 127.0.0.1. */
  readonly endpoint?: string;
  /** Connects to whoever listens, instead of binding. Default false. */
  readonly connects?: boolean;
  /** Where it answers replays; null for an engine without. Default a free port of 127.0.0.1. */
  readonly replayEndpoint?: string | null;
  /** Replays with the topic, as vLLM has it since 0.26, or without, as before and in SGLang. Default true. */
  readonly replaysTopic?: boolean;
  /** Batches that it keeps for replays. Default 10,000. */
  readonly bufferSteps?: number;
}

/** What goes wrong on purpose. Every field may be changed at any time. */
export interface EngineFaults {
  /** Batches that the publisher does not send, though it keeps them for replays. */
  drop: (sequence: number) => boolean;
  /** Batches that a replay leaves out, by the number of the request, from 1. */
  dropFromReplay: (sequence: number, request: number) => boolean;
  /** Requests to which no terminator is sent. */
  withholdEnd: (request: number) => boolean;
}

/** The event sockets of an engine: PUB, and ROUTER for replays. Frames are those of vLLM and SGLang. */
export interface EngineSocket extends AsyncDisposable {
  /** With the port that was found. */
  readonly endpoint: string;
  readonly replayEndpoint: string | undefined;
  readonly faults: EngineFaults;
  /** First sequence asked for, of every replay request so far. */
  readonly requests: readonly number[];
  /** Fulfilled when somebody has subscribed since it was last (re)started. */
  readonly subscribed: Promise<void>;
  /** Sends a batch and returns its number. */
  publish(payload: Uint8Array): Promise<number>;
  /** Only the last so many batches can be replayed from now on. */
  truncate(batches: number): void;
  /** Connections of subscribers are cut; the process lives on. */
  cut(): Promise<void>;
  /** Its process ends: both sockets are closed. */
  stop(): void;
  /** A new process on the same ports, which counts from 0 and has nothing to replay. */
  start(): Promise<void>;
}

/** Sockets of a running engine. */
export async function startEngineSocket(options: EngineSocketOptions = {}): Promise<EngineSocket> {
  const engine = new TestEngineSocket(options);
  await engine.start();
  return engine;
}

const END = Buffer.alloc(8, 0xff);
const EMPTY = Buffer.alloc(0);

class TestEngineSocket implements EngineSocket {
  endpoint: string;
  replayEndpoint: string | undefined;
  readonly faults: EngineFaults = {
    drop: () => false,
    dropFromReplay: () => false,
    withholdEnd: () => false,
  };
  readonly requests: number[] = [];
  subscribed: Promise<void> = Promise.resolve();
  readonly #topic: string;
  readonly #connects: boolean;
  readonly #replaysTopic: boolean;
  readonly #bufferSteps: number;
  #history: { readonly sequence: number; readonly payload: Uint8Array }[] = [];
  #next = 0;
  #publisher: XPublisher | undefined;
  #router: Router | undefined;

  constructor(options: EngineSocketOptions) {
    const anyPort = 'tcp://127.0.0.1:0';
    const { replayEndpoint = anyPort } = options;
    this.endpoint = options.endpoint ?? anyPort;
    this.replayEndpoint = replayEndpoint ?? undefined;
    this.#topic = options.topic ?? 'kv@10.0.0.1:8000@m';
    this.#connects = options.connects ?? false;
    this.#replaysTopic = options.replaysTopic ?? true;
    this.#bufferSteps = options.bufferSteps ?? 10_000;
  }

  async start(): Promise<void> {
    this.#history = [];
    this.#next = 0;
    if (this.replayEndpoint !== undefined) {
      this.#router = new Router({ linger: 0 });
      this.replayEndpoint = await bind(this.#router, this.replayEndpoint);
      const router = this.#router;
      this.#answer(router).catch((error: unknown) => {
        // Closed in the middle of an answer, as a process that ends.
        if (!router.closed) throw error;
      });
    }
    await this.#startPublisher();
  }

  async cut(): Promise<void> {
    this.#publisher?.close();
    await this.#startPublisher();
  }

  /** Subscriptions can be seen with XPUB; on the wire it is the same as PUB. vLLM's limit is set on it. */
  async #startPublisher(): Promise<void> {
    this.#publisher = new XPublisher({ linger: 0, sendHighWaterMark: 100_000 });
    if (this.#connects) this.#publisher.connect(this.endpoint);
    else this.endpoint = await bind(this.#publisher, this.endpoint);
    this.subscribed = this.#publisher.receive().then(
      () => undefined,
      () => undefined,
    );
  }

  async publish(payload: Uint8Array): Promise<number> {
    const sequence = this.#next++;
    this.#history.push({ sequence, payload });
    if (this.#history.length > this.#bufferSteps) this.#history.shift();
    if (!this.faults.drop(sequence)) {
      await this.#publisher?.send([this.#topic, sequenceFrame(sequence), payload]);
    }
    return sequence;
  }

  truncate(batches: number): void {
    this.#history = this.#history.slice(-batches);
  }

  stop(): void {
    this.#publisher?.close();
    this.#router?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    return Promise.resolve();
  }

  /** As vLLM's publisher does: it walks its whole history, and a ROUTER drops what its peer's pipe has no room for. */
  async #answer(router: Router): Promise<void> {
    for await (const [identity = EMPTY, delimiter, start] of router) {
      if (delimiter?.length !== 0 || start === undefined) continue;
      const from = Number(start.readBigUInt64BE());
      const request = this.requests.push(from);
      for (const { sequence, payload } of [...this.#history]) {
        if (sequence < from || this.faults.dropFromReplay(sequence, request)) continue;
        await this.#reply(router, identity, [sequenceFrame(sequence), payload]);
      }
      if (!this.faults.withholdEnd(request)) await this.#reply(router, identity, [END, EMPTY]);
    }
  }

  async #reply(router: Router, identity: Buffer, frames: readonly Uint8Array[]): Promise<void> {
    const isEnd = frames[0] === END;
    const topic = this.#replaysTopic ? [isEnd ? '' : this.#topic] : [];
    await router.send([identity, EMPTY, ...topic, ...frames]);
  }
}

function sequenceFrame(sequence: number): Buffer {
  const frame = Buffer.alloc(8);
  frame.writeBigUInt64BE(BigInt(sequence));
  return frame;
}

/** Binds and returns the address with its port. A port just given up is free again only after a moment. */
async function bind(socket: XPublisher | Router, endpoint: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      await socket.bind(endpoint);
      return socket.lastEndpoint ?? endpoint;
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
