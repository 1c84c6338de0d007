// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import type { Publisher, Router } from 'zeromq';
import { isBound, portOf } from './endpoint.ts';
import { endFrames, readSequence, replayFrames } from './frames.ts';
import type { KvEventsOptions } from './kv-events-options.ts';
import type { PublishedBatch } from './replay-buffer.ts';

export interface EventEndpoints {
  readonly endpoint: string;
  /** Undefined: no replay. */
  readonly replayEndpoint: string | undefined;
}

export interface EventSocketsOptions extends EventEndpoints {
  readonly events: KvEventsOptions;
  readonly topic: () => string;
  /** What there is from a number on. */
  readonly replay: (from: number) => readonly PublishedBatch[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A socket that was closed a moment ago may still hold its port: so often, and so long apart, it is tried again. */
const BIND_TRIES = 25;
const BIND_PAUSE_MS = 20;

/** An endpoint that cannot be used. */
export class KvEventEndpointError extends Error {
  readonly code = 'KV_EVENT_ENDPOINT';
  readonly endpoint: string;
  constructor(endpoint: string, options: ErrorOptions) {
    const reason = options.cause instanceof Error ? options.cause.message : 'unknown reason';
    super(`KV events cannot use ${endpoint}: ${reason}`, options);
    this.name = 'KvEventEndpointError';
    this.endpoint = endpoint;
  }
}

/** One life of a publisher's sockets: PUB, and ROUTER for replays. */
export class EventSockets implements EventEndpoints, AsyncDisposable {
  /** With the ports that the system has chosen. */
  readonly endpoint: string;
  readonly replayEndpoint: string | undefined;
  readonly #publisher: Publisher;
  readonly #router: Router | undefined;
  readonly #serving: Promise<void>;

  /** @throws {@link KvEventEndpointError}, with nothing left open */
  static async open(options: EventSocketsOptions): Promise<EventSockets> {
    // Native code that simulators without events never load.
    const zmq = await import('zeromq');
    const publisher = new zmq.Publisher({
      ...{ sendHighWaterMark: options.events.hwm, linger: 0 },
      ipv6: options.endpoint.includes('::'),
    });
    let router: Router | undefined;
    try {
      if (isBound(options.endpoint)) await bind(publisher, options.endpoint, options.clock);
      else connect(publisher, options.endpoint);
      if (options.replayEndpoint !== undefined) {
        // The high-water mark stays at the library's 1000, beyond which replies are lost: as in vLLM.
        router = new zmq.Router({ linger: 0, ipv6: options.replayEndpoint.includes('::') });
        await bind(router, options.replayEndpoint, options.clock);
      }
      return new EventSockets(options, publisher, router);
    } catch (error) {
      publisher.close();
      router?.close();
      throw error;
    }
  }

  private constructor(
    options: EventSocketsOptions,
    publisher: Publisher,
    router: Router | undefined,
  ) {
    this.#publisher = publisher;
    this.#router = router;
    this.endpoint = resolved(options.endpoint, publisher);
    this.replayEndpoint = options.replayEndpoint && resolved(options.replayEndpoint, router);
    this.#serving = router === undefined ? Promise.resolve() : serve(router, options);
  }

  /** One message at a time: the next one after this is fulfilled. */
  send(frames: Buffer[]): Promise<void> {
    return this.#publisher.send(frames);
  }

  /** Gives up the endpoints, which are free a moment later; what waits for slow subscribers is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Not unbound first: that runs on another thread, and libzmq aborts the process if a receive is pending meanwhile.
    this.#publisher.close();
    this.#router?.close();
    await this.#serving;
  }
}

async function bind(socket: Publisher | Router, endpoint: string, clock: Clock): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await socket.bind(endpoint);
      return;
    } catch (cause) {
      const isInUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
      if (!isInUse || tries === BIND_TRIES) throw new KvEventEndpointError(endpoint, { cause });
      await sleep(clock, BIND_PAUSE_MS);
    }
  }
}

function connect(socket: Publisher, endpoint: string): void {
  try {
    socket.connect(endpoint);
  } catch (cause) {
    throw new KvEventEndpointError(endpoint, { cause });
  }
}

/** The endpoint as it was asked for, or with the port that the system has chosen. */
function resolved(endpoint: string, socket: Publisher | Router | undefined): string {
  if (portOf(endpoint) !== 0) return endpoint;
  const port = portOf(socket?.lastEndpoint ?? endpoint);
  return endpoint.replace(/0$/, String(port));
}

async function serve(router: Router, options: EventSocketsOptions): Promise<void> {
  try {
    for await (const [identity, delimiter, start, ...others] of router) {
      if (identity === undefined || delimiter?.length !== 0 || start === undefined) {
        options.logger.warn('a replay request without delimiter and number', {});
        continue;
      }
      if (others.length > 0) {
        options.logger.warn('a replay request of too many frames', {});
        continue;
      }
      await answer(router, [identity, delimiter], readSequence(start), options);
    }
  } catch (error) {
    if (!router.closed) options.logger.error('KV event replay has failed', { error });
  }
}

async function answer(
  router: Router,
  envelope: readonly Buffer[],
  from: number,
  { events, topic, replay }: EventSocketsOptions,
): Promise<void> {
  const { replayLayout, faults } = events;
  const batches = replay(from);
  for (const batch of batches.slice(0, faults.replayLimit)) {
    await router.send([...envelope, ...replayFrames(batch, topic(), replayLayout)]);
  }
  if (batches.length > faults.replayLimit) return;
  await router.send([...envelope, ...endFrames(replayLayout)]);
}
