// SPDX-License-Identifier: Apache-2.0
import { AbortedError, sleep, type Clock } from '@llm-d/determinism';
import { noopTelemetry, type Logger, type Telemetry } from '@llm-d/telemetry';
import type { Controller } from '../controller/controller.ts';
import type { Informer } from '../informer/informer.ts';
import type { LeaderElection } from '../leader-election/leader-election.ts';
import { healthOf, type Health, type HealthCheck } from './health.ts';

/** What a manager needs of an informer. */
export type ManagedInformer = Pick<Informer<never>, 'hasSynced' | 'state' | 'whenSynced' | 'stop'>;

export interface ManagerOptions {
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** Running informers that everything waits for, by name; the manager stops them. Default none. */
  readonly informers?: Readonly<Record<string, ManagedInformer>>;
  /** Informers that nothing waits for, such as of types that may not be installed. Default none. */
  readonly optionalInformers?: Readonly<Record<string, ManagedInformer>>;
  /** Begins to stand for election. Default: there is none, and this program leads. */
  readonly election?: () => LeaderElection;
  /** Start what only a leader may do, each time we become one. */
  readonly controllers?: readonly (() => Controller)[];
  /** Start what every replica does, by name and one after the other; `signal` aborts when it is over. Default none. */
  readonly servers?: Readonly<Record<string, (signal: AbortSignal) => Promise<AsyncDisposable>>>;
  /** How long reconciliations may go on at a stop in good order. Default 10,000. */
  readonly graceMs?: number;
  /** Longest that a stop takes in all. Default 25,000, within the 30 seconds that Kubernetes gives a pod. */
  readonly stopTimeoutMs?: number;
  /** Called once, when something has failed that only a new process puts right. Default: only {@link Manager.healthz} says so. */
  readonly onFailure?: (error: Error) => void;
}

/** A running program: its parts in their order. Disposing of it stops it. */
export interface Manager extends AsyncDisposable {
  /** Whether this process is in order; where not, it is best replaced. */
  readonly healthz: Health;
  /** Whether it can do its work, be it as a leader or in waiting. */
  readonly readyz: Health;
  /** Resolves when every server has started; rejects with `AbortedError` where `signal` aborts or the manager stops before. */
  whenStarted(signal: AbortSignal): Promise<void>;
  /**
   * Stops everything in the opposite order: servers, controllers (within their grace), election, informers. Resolves with
   * the names of what did not end in time.
   */
  stop(): Promise<readonly string[]>;
}

/**
 * Starts the parts of a program in their order: when all informers are complete it stands for election, then it starts its
 * servers; controllers run while it leads. When it loses the lead they are aborted at once, and start again when it leads
 * again, not before the earlier ones have ended.
 */
export function startManager(options: ManagerOptions): Manager {
  const manager = new RunningManager(options);
  return {
    get healthz() {
      return manager.healthz;
    },
    get readyz() {
      return manager.readyz;
    },
    whenStarted: (signal) => manager.whenStarted(signal),
    stop: () => manager.stop(),
    [Symbol.asyncDispose]: async () => {
      await manager.stop();
    },
  };
}

class RunningManager {
  readonly #options: ManagerOptions;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  readonly #servers: { readonly name: string; readonly server: AsyncDisposable }[] = [];
  readonly #starting: Promise<void>;
  #election: LeaderElection | undefined;
  #controllers: readonly Controller[] = [];
  /** Resolves when the controllers of the last term have ended. */
  #ended: Promise<void> = Promise.resolve();
  /** Whether controllers may run. */
  #leads = false;
  #hasStarted = false;
  #failure: Error | undefined;
  #stopped: Promise<readonly string[]> | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#logger = (options.telemetry ?? noopTelemetry).logger;
    this.#starting = this.#start().catch((error: unknown) => {
      if (!(error instanceof AbortedError && this.#stopping.signal.aborted)) this.#fail(error);
    });
  }

  get healthz(): Health {
    const failure = this.#failure;
    return healthOf([
      { name: 'parts', ok: failure === undefined, reason: failure?.message ?? 'in order' },
    ]);
  }

  get readyz(): Health {
    const stopping = this.#stopping.signal.aborted;
    const informers = Object.entries(this.#options.informers ?? {}).map(informerCheck);
    const reason = stopping ? 'stopping' : this.#hasStarted ? 'started' : 'starting';
    const started: HealthCheck = { name: 'start', ok: this.#hasStarted && !stopping, reason };
    return healthOf([...informers, this.#leadershipCheck(), started, ...this.healthz.checks]);
  }

  async whenStarted(signal: AbortSignal): Promise<void> {
    let abort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        reject(new AbortedError({ cause: signal.reason }));
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
    try {
      await Promise.race([this.#starting, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#hasStarted) throw new AbortedError();
  }

  stop(): Promise<readonly string[]> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    const { informers = {}, election, servers = {} } = this.#options;
    const { signal } = this.#stopping;
    const isStopping = (): boolean => signal.aborted;
    await Promise.all(Object.values(informers).map((informer) => informer.whenSynced(signal)));
    if (isStopping()) return;
    if (election === undefined) this.#lead(true);
    else {
      this.#election = election();
      this.#election.onChange(({ kind }) => {
        this.#lead(kind === 'leader');
      });
      this.#lead(this.#election.leadership.kind === 'leader');
    }
    for (const [name, start] of Object.entries(servers)) {
      if (isStopping()) return;
      this.#servers.push({ name, server: await start(signal) });
    }
    this.#hasStarted = true;
  }

  #lead(leads: boolean): void {
    if (leads === this.#leads || (leads && this.#stopping.signal.aborted)) return;
    this.#leads = leads;
    if (leads) void this.#startControllers();
    else this.#ended = this.#endControllers({});
  }

  async #startControllers(): Promise<void> {
    await this.#ended;
    // Much may have happened until the earlier ones had ended.
    if (!this.#leads || this.#controllers.length > 0 || this.#failure !== undefined) return;
    if (this.#stopping.signal.aborted) return;
    try {
      this.#controllers = (this.#options.controllers ?? []).map((start) => start());
    } catch (error) {
      this.#fail(error);
    }
  }

  async #endControllers(limits: { graceMs?: number; timeoutMs?: number }): Promise<void> {
    const controllers = this.#controllers;
    this.#controllers = [];
    // All at once and in this very moment: nobody may write who does not lead.
    const stops = controllers.map((controller) => controller.stop(limits));
    const stuck = (await Promise.all(stops)).flatMap((keys, at) =>
      keys.map(({ namespace = '', name }) => `${controllers[at]?.name ?? ''} ${namespace}/${name}`),
    );
    if (stuck.length > 0) this.#fail(new Error(`reconciliations do not end: ${stuck.join(', ')}`));
  }

  async #end(): Promise<readonly string[]> {
    const { clock, informers = {}, optionalInformers = {} } = this.#options;
    const { graceMs = 10_000, stopTimeoutMs = 25_000 } = this.#options;
    const endMs = clock.nowMs() + stopTimeoutMs;
    this.#stopping.abort();
    // Servers that hang must not take the time that reconciliations have.
    const serversEndMs = endMs - Math.min(graceMs + 2000, 0.75 * stopTimeoutMs);
    const late: string[] = [];
    const end = async (
      name: string,
      ending: () => PromiseLike<unknown>,
      untilMs = endMs,
    ): Promise<void> => {
      try {
        if (!(await endsWithin(clock, untilMs - clock.nowMs(), ending()))) late.push(name);
      } catch (error) {
        this.#logger.error('a part did not end well', { part: name, error });
      }
    };
    await end('start', () => this.#starting, serversEndMs);
    for (const { name, server } of this.#servers.toReversed()) {
      await end(name, () => server[Symbol.asyncDispose](), serversEndMs);
    }
    const timeoutMs = Math.max(0, Math.min(5000, endMs - clock.nowMs() - graceMs));
    const wereLeading = this.#leads;
    this.#leads = false;
    await end('controllers', async () => {
      await this.#ended;
      if (wereLeading) await this.#endControllers({ graceMs, timeoutMs });
    });
    // Not before the controllers have ended: the next leader begins at once.
    await end('election', () => this.#election?.stop() ?? Promise.resolve());
    const all = Object.entries({ ...informers, ...optionalInformers });
    await Promise.all(all.map(([name, informer]) => end(name, () => informer.stop())));
    if (late.length > 0) this.#logger.error('parts did not end in time', { parts: late });
    return late;
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error : new Error(String(error), { cause: error });
    this.#logger.error('a part has failed', { error });
    this.#options.onFailure?.(this.#failure);
  }

  #leadershipCheck(): HealthCheck {
    const leadership = this.#election?.leadership;
    const isStanding = this.#options.election === undefined || leadership !== undefined;
    const reason = !isStanding
      ? 'not standing for election yet'
      : leadership === undefined || leadership.kind === 'leader'
        ? 'leading'
        : `following ${leadership.leader ?? 'nobody yet'}`;
    return { name: 'leadership', ok: isStanding, reason };
  }
}

function informerCheck([name, { hasSynced, state }]: [string, ManagedInformer]): HealthCheck {
  const reason = state.kind === 'degraded' ? `${state.reason}: ${state.error.message}` : state.kind;
  return { name: `informer/${name}`, ok: hasSynced, reason };
}

/** Whether something ends in time. */
async function endsWithin(
  clock: Clock,
  timeoutMs: number,
  ending: PromiseLike<unknown>,
): Promise<boolean> {
  const done = new AbortController();
  const late = sleep(clock, Math.max(0, timeoutMs), done.signal).then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([late, Promise.resolve(ending).then(() => true)]);
  } finally {
    done.abort();
  }
}
