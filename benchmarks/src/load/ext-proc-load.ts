// SPDX-License-Identifier: Apache-2.0
import { createRandom, exponential } from '@llm-d/determinism';
import { ExtProcConnection, type ConnectionOptions } from './ext-proc-connection.ts';
import type { ExtProcScript } from './ext-proc-scripts.ts';

/** Exchanges that go on until they are told to stop. A refusal or a reset ends the process with an error. */
export interface ExtProcLoad {
  /** Exchanges that are over. */
  readonly ended: number;
  /** Chunks of answers that came back. */
  readonly chunks: number;
  /** Time, in ms, from a request's last byte to the processor's choice; emptied by whoever reads it. */
  routedMs: number[];
  /** How late, in ms, requests were sent; empty for a closed loop. */
  lateMs: number[];
  stop(): void;
}

export interface LoadOptions extends Omit<ConnectionOptions, 'failed'> {
  readonly scripts: readonly ExtProcScript[];
  /** Default 4, as Envoy has one for each of its workers. */
  readonly connections?: number;
}

class Load implements ExtProcLoad {
  ended = 0;
  chunks = 0;
  routedMs: number[] = [];
  lateMs: number[] = [];
  stopped = false;
  #next = 0;
  readonly #connections: readonly ExtProcConnection[];
  readonly #scripts: readonly ExtProcScript[];

  constructor(connections: readonly ExtProcConnection[], scripts: readonly ExtProcScript[]) {
    this.#connections = connections;
    this.#scripts = scripts;
  }

  /** One exchange, on the connections in turns. */
  exchange(then?: () => void): void {
    const number = this.#next++;
    // The moduli keep the indices inside, and there is at least one of each.
    const connection = this.#connections[number % this.#connections.length] as ExtProcConnection;
    connection.start(this.#scripts[number % this.#scripts.length] as ExtProcScript, {
      onRouted: (tookMs) => this.routedMs.push(tookMs),
      onChunk: () => {
        this.chunks++;
      },
      onEnd: () => {
        this.ended++;
        then?.();
      },
    });
  }

  stop(): void {
    this.stopped = true;
    for (const connection of this.#connections) connection.destroy();
  }
}

async function open({ connections = 4, scripts, ...options }: LoadOptions): Promise<Load> {
  const failed = (error: Error): void => {
    throw error;
  };
  const opened = Array.from({ length: connections }, () =>
    ExtProcConnection.open({ ...options, failed }),
  );
  return new Load(await Promise.all(opened), scripts);
}

/** `inFlight` exchanges at all times. */
export async function startClosedExtProcLoad(
  options: LoadOptions & { readonly inFlight: number },
): Promise<ExtProcLoad> {
  const load = await open(options);
  const again = (): void => {
    if (!load.stopped) load.exchange(again);
  };
  for (let i = 0; i < options.inFlight; i++) again();
  return load;
}

/** Exchanges at Poisson instants, whatever became of the earlier ones. */
export async function startOpenExtProcLoad(
  options: LoadOptions & { readonly perSecond: number },
): Promise<ExtProcLoad> {
  const load = await open(options);
  const random = createRandom(1);
  let dueMs = performance.now();
  const tick = (): void => {
    if (load.stopped) return;
    for (let nowMs = performance.now(); dueMs <= nowMs;) {
      load.lateMs.push(nowMs - dueMs);
      load.exchange();
      dueMs += exponential(random, 1000 / options.perSecond);
    }
    setTimeout(tick, Math.max(0, dueMs - performance.now()));
  };
  tick();
  return load;
}
