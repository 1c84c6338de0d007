// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IDLE, vllmExposition, type EngineLoad } from './vllm-exposition.ts';

/** A model server that serves nothing but what schedulers ask for, and says what it is told to. */
export interface Engine extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly load: EngineLoad;
  /** Answers to `/metrics` so far. */
  readonly scrapes: number;
  /** What it says from now on; what is left out is idle. */
  setLoad(load: Partial<EngineLoad>): void;
  /** Resolves once it has been asked `times` more, or with false after `waitMs`. */
  scraped(times: number, waitMs: number): Promise<boolean>;
}

export interface EngineOptions {
  /** Address to listen on. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly clock: Clock;
  /** Models that it lists. Default `test-model`. */
  readonly models?: readonly string[];
}

/** Starts a fake engine. Rejects when the port cannot be had. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = new FakeEngine(options);
  await engine.listen(options.port);
  return engine;
}

class FakeEngine implements Engine {
  readonly address: string;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #scrapeListeners = new Set<() => void>();
  readonly #models: string;
  #load = IDLE;
  #scrapes = 0;

  constructor({ address, clock, models = ['test-model'] }: EngineOptions) {
    this.address = address;
    this.#clock = clock;
    this.#models = listOf(models);
    this.#server = createServer((request, response) => {
      const path = request.url?.split('?', 1)[0];
      if (path === '/metrics') {
        response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
        response.end(vllmExposition(this.#load, this.#clock.epochMs() / 1000));
        this.#countScrape();
      } else if (path === '/v1/models') {
        response.setHeader('content-type', 'application/json');
        response.end(this.#models);
      } else {
        response.statusCode = path === '/health' ? 200 : 404;
        response.end();
      }
    });
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, this.address);
    await once(this.#server, 'listening');
  }

  get port(): number {
    // A TCP server's address is an object.
    return (this.#server.address() as AddressInfo).port;
  }

  get load(): EngineLoad {
    return this.#load;
  }

  get scrapes(): number {
    return this.#scrapes;
  }

  setLoad(load: Partial<EngineLoad>): void {
    this.#load = { ...IDLE, ...load };
  }

  scraped(times: number, waitMs: number): Promise<boolean> {
    const wanted = this.#scrapes + times;
    return new Promise((resolve) => {
      const settle = (isScraped: boolean) => {
        timer.cancel();
        this.#scrapeListeners.delete(look);
        resolve(isScraped);
      };
      const look = () => {
        if (this.#scrapes >= wanted) settle(true);
      };
      const timer = this.#clock.schedule(waitMs, () => {
        settle(false);
      });
      this.#scrapeListeners.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #countScrape(): void {
    this.#scrapes++;
    for (const look of [...this.#scrapeListeners]) look();
  }
}

const listOf = (models: readonly string[]): string =>
  JSON.stringify({
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'vllm' })),
  });
