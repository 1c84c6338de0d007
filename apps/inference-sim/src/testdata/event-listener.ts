// SPDX-License-Identifier: Apache-2.0
import { createServer, type AddressInfo } from 'node:net';
import { Dealer, Subscriber } from 'zeromq';

/** A published message in plain values. */
export interface Heard {
  readonly topic: string;
  readonly sequence: number;
  readonly payload: Buffer;
}

const dialled = (endpoint: string): string => endpoint.replace('*', '127.0.0.1');

function heard([topic, sequence, payload]: readonly Buffer[]): Heard {
  if (topic === undefined || sequence?.length !== 8 || payload === undefined) {
    throw new Error('not a message of three frames');
  }
  return { topic: topic.toString(), sequence: Number(sequence.readBigUInt64BE()), payload };
}

/** A subscriber to one or several endpoints that keeps what it hears. */
export class EventListener implements AsyncDisposable {
  readonly messages: Heard[] = [];
  readonly #socket = new Subscriber({ linger: 0 });
  readonly #reading: Promise<void>;

  constructor(endpoints: readonly string[], topic = '') {
    for (const endpoint of endpoints) this.#socket.connect(dialled(endpoint));
    this.#socket.subscribe(topic);
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const frames of this.#socket) this.messages.push(heard(frames));
  }

  /** Asks again and again until something is heard, because a subscription takes a moment; then forgets it. */
  async warmUp(ask: () => Promise<unknown>, publishers = 1): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      await ask();
      await new Promise((resolve) => setTimeout(resolve, 10));
      // Topics tell publishers apart.
      if (new Set(this.messages.map(({ topic }) => topic)).size >= publishers) break;
    }
    await this.settled();
    this.messages.length = 0;
  }

  /** Fulfilled when nothing has come for a while. */
  async settled(): Promise<void> {
    for (let before = -1; before !== this.messages.length;) {
      before = this.messages.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#reading;
  }
}

/** All frames that a replay request is answered with, up to the end mark or until nothing has come for `idleMs`. */
export async function askReplay(
  endpoint: string,
  request: readonly Buffer[],
  idleMs = 2000,
): Promise<Buffer[][]> {
  const socket = new Dealer({ linger: 0, receiveTimeout: idleMs });
  const replies: Buffer[][] = [];
  try {
    socket.connect(dialled(endpoint));
    await socket.send([...request]);
    for (;;) {
      const frames = await socket.receive();
      replies.push(frames);
      if (frames.some((frame) => frame.equals(Buffer.alloc(8, 0xff)))) return replies;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return replies;
    throw error;
  } finally {
    socket.close();
  }
}

/** The frames of a request for everything from a number on. */
export function replayRequest(from: number): Buffer[] {
  const start = Buffer.alloc(8);
  start.writeBigUInt64BE(BigInt(from));
  return [Buffer.alloc(0), start];
}

/** The first of so many consecutive ports that nobody listens on. */
export async function freePortRange(count: number): Promise<number> {
  for (;;) {
    const base = await portIfFree(0);
    if (base === undefined || base + count > 65_535) continue;
    const others = Array.from({ length: count - 1 }, (_, i) => portIfFree(base + 1 + i));
    if ((await Promise.all(others)).every((port) => port !== undefined)) return base;
  }
}

function portIfFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen(port, '0.0.0.0', () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => {
        resolve(found);
      });
    });
  });
}
