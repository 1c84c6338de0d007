// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import type { EndpointSource } from '../engines/endpoint-source.ts';
import type { Engine } from '../engines/engine.ts';
import { settle, type Fleet } from '../engines/fleet.ts';
import type { EngineLoad } from '../engines/vllm-exposition.ts';
import type { ExchangeResult } from '../exchange/exchange-result.ts';
import type { ExchangeScript } from '../exchange/exchange-script.ts';
import { runExchange } from '../exchange/run-exchange.ts';
import { fetchMetrics } from '../probes/fetch-metrics.ts';
import { createHealthClient, type HealthClient } from '../probes/health-client.ts';
import type { MetricsPage } from '../probes/metrics-page.ts';
import type { ConnectionPool } from '../proxy/connection-pool.ts';
import type {
  ExtProcConnection,
  OpenStreamOptions,
  Transport,
} from '../proxy/ext-proc-connection.ts';
import type { ExtProcStream } from '../proxy/ext-proc-stream.ts';
import type { RunningSubject, SubjectProcess } from '../subject/subject.ts';
import { NotJudged } from './difference.ts';

/** Where a case meets the endpoint picker. */
export interface Bench {
  readonly clock: Clock;
  /** Longest wait for anything that should come. */
  readonly waitMs: number;
  readonly fleet: Fleet;
  readonly transport: Transport;
  /** Plays one exchange on the proxy's connections, or on one of the case's own. */
  exchange(script: ExchangeScript, on?: ExtProcConnection): Promise<ExchangeResult>;
  /** A stream on the proxy's connections, for what no exchange does. */
  openStream(options?: OpenStreamOptions): Promise<ExtProcStream>;
  /** A connection of the case's own. */
  connect(): Promise<ExtProcConnection>;
  /** Ends all connections, as a proxy does that goes away. */
  hangUp(): void;
  /** A text that no other request of this run begins with, about as long as asked for. */
  freshPrompt(characters?: number): string;
  /** Sets what the engines say, in their order, and waits until it is known. Throws NotJudged without own engines. */
  setLoads(loads: readonly Partial<EngineLoad>[]): Promise<void>;
  /** The kit's engines. Throws NotJudged where the endpoints are somebody else's. */
  engines(): readonly Engine[];
  /** Throws NotJudged where endpoints cannot be changed. */
  source(): EndpointSource;
  /** Throws NotJudged where nobody said where health is served. */
  health(): HealthClient;
  /** Reads the metrics page. Rejects with NotJudged where nobody said where it is. */
  metrics(): Promise<MetricsPage>;
  /** Throws NotJudged where the kit has not started the endpoint picker. */
  process(): SubjectProcess;
  /** Asks again and again until the answer is yes; false when it is not within `waitMs`. */
  eventually(isSo: () => Promise<boolean>, waitMs?: number): Promise<boolean>;
}

export interface BenchOptions {
  readonly subject: RunningSubject;
  readonly pool: ConnectionPool;
  readonly clock: Clock;
  readonly waitMs: number;
  /** Numbers that were never given before. */
  readonly nextNumber: () => number;
}

/** A bench, and what must happen when a case is over. */
export interface CaseBench extends AsyncDisposable {
  readonly bench: Bench;
}

const LOOK_MS = 50;

/** A bench for one case. Disposing of it makes the engines idle and the endpoints complete again. */
export function createCaseBench(options: BenchOptions): CaseBench {
  const bench = new SubjectBench(options);
  return { bench, [Symbol.asyncDispose]: () => bench.restore() };
}

class SubjectBench implements Bench {
  readonly clock: Clock;
  readonly waitMs: number;
  readonly fleet: Fleet;
  readonly transport: Transport;
  readonly #options: BenchOptions;
  #health: HealthClient | undefined;
  #isLoaded = false;
  #isPublished = false;
  readonly #connections: ExtProcConnection[] = [];

  constructor(options: BenchOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.waitMs = options.waitMs;
    this.fleet = options.subject.fleet;
    this.transport = options.pool.transport;
  }

  async exchange(script: ExchangeScript, on?: ExtProcConnection): Promise<ExchangeResult> {
    const stream =
      on === undefined ? await this.openStream(script.call) : on.openStream(script.call);
    return runExchange(stream, script, this.waitMs);
  }

  openStream(options?: OpenStreamOptions): Promise<ExtProcStream> {
    return this.#options.pool.openStream(options);
  }

  async connect(): Promise<ExtProcConnection> {
    const connection = await this.#options.pool.connect();
    this.#connections.push(connection);
    return connection;
  }

  hangUp(): void {
    this.#options.pool[Symbol.dispose]();
  }

  freshPrompt(characters = 80): string {
    const number = this.#options.nextNumber();
    // The number comes first, so that not even the first block of two prompts is the same.
    let text = `${number} is the number of this prompt.`;
    for (let word = 0; text.length < characters; word++)
      text += ` ${(number * 31 + word * 17) % 1009}`;
    return text;
  }

  async setLoads(loads: readonly Partial<EngineLoad>[]): Promise<void> {
    const engines = this.engines();
    this.#isLoaded = true;
    await settle(engines, loads, this);
  }

  engines(): readonly Engine[] {
    const { engines } = this.fleet;
    if (engines === undefined) throw new NotJudged('the endpoints are not the kit’s own');
    return engines;
  }

  source(): EndpointSource {
    const { source } = this.fleet;
    if (source === undefined) throw new NotJudged('endpoints cannot be changed');
    this.#isPublished = true;
    return source;
  }

  health(): HealthClient {
    const { health } = this.#options.subject;
    if (health === undefined) throw new NotJudged('the health port is not known');
    this.#health ??= createHealthClient(health, { clock: this.clock, waitMs: this.waitMs });
    return this.#health;
  }

  metrics(): Promise<MetricsPage> {
    const { metricsUrl } = this.#options.subject;
    if (metricsUrl === undefined) {
      return Promise.reject(new NotJudged('the metrics port is not known'));
    }
    return fetchMetrics(metricsUrl, this.waitMs);
  }

  process(): SubjectProcess {
    const { process } = this.#options.subject;
    if (process === undefined) throw new NotJudged('the kit has not started the endpoint picker');
    return process;
  }

  async eventually(isSo: () => Promise<boolean>, waitMs: number = this.waitMs): Promise<boolean> {
    const untilMs = this.clock.nowMs() + waitMs;
    while (!(await isSo())) {
      if (this.clock.nowMs() > untilMs) return false;
      await sleep(this.clock, LOOK_MS);
    }
    return true;
  }

  async restore(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#health?.[Symbol.dispose]();
    const { source, endpoints, engines } = this.fleet;
    if (this.#isPublished) await source?.publish(endpoints);
    if (this.#isLoaded && engines !== undefined) await settle(engines, [], this);
  }
}
