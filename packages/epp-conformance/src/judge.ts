// SPDX-License-Identifier: Apache-2.0
import { AbortedError, type Clock } from '@llm-d/determinism';
import { conformanceCases } from './cases/all-cases.ts';
import { createCaseBench } from './cases/bench.ts';
import type { ConformanceCase } from './cases/conformance-case.ts';
import { Difference, NotJudged } from './cases/difference.ts';
import { createConnectionPool, type ConnectionPool } from './proxy/connection-pool.ts';
import { ConnectError } from './proxy/ext-proc-connection.ts';
import {
  conformsWith,
  summaryOf,
  type CaseOutcome,
  type CaseResult,
  type ConformanceReport,
} from './report/conformance-report.ts';
import { setups, type SetupId } from './subject/setup.ts';
import { SubjectStartError, type RunningSubject, type Subject } from './subject/subject.ts';

export interface JudgeOptions {
  readonly clock: Clock;
  /** Default all. */
  readonly cases?: readonly ConformanceCase[];
  /** Longest wait for anything that should come. Default 5,000. */
  readonly waitMs?: number;
  /** How long it may take, once it accepts connections, to answer a request. Default 15,000. */
  readonly readyMs?: number;
  /** Who judges, for the report. */
  readonly tool?: ConformanceReport['tool'];
  /** Ends the run: everything that was started is stopped, and {@link judge} rejects. */
  readonly signal?: AbortSignal;
  /** A case begins; `number` of `total`. */
  readonly onCase?: (one: ConformanceCase, number: number, total: number) => void;
  readonly onResult?: (result: CaseResult) => void;
}

/**
 * Judges an endpoint picker: starts it in each setup that cases ask for, one after the other, and runs the cases. What it
 * does wrong is in the report. Rejects only when the signal aborts; nothing is left running.
 */
export async function judge(subject: Subject, options: JudgeOptions): Promise<ConformanceReport> {
  const {
    clock,
    cases = conformanceCases,
    tool = { name: 'epp-conformance', version: '' },
  } = options;
  const startedMs = clock.nowMs();
  const startedAt = new Date(clock.epochMs()).toISOString();
  const results = await new Run(subject, cases, options).results();
  const order = new Map(cases.map(({ id }, i) => [id as string, i]));
  const sorted = results.toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  const summary = summaryOf(sorted);
  return {
    tool,
    subject: subject.name,
    startedAt,
    durationMs: Math.round(clock.nowMs() - startedMs),
    conforms: conformsWith(summary),
    summary,
    cases: sorted,
  };
}

const DEFAULT_LIMIT_MS = 60_000;
/** How long connecting may take, TLS and plaintext together. */
const CONNECT_MS = 5000;

class Run {
  readonly #subject: Subject;
  readonly #cases: readonly ConformanceCase[];
  readonly #options: JudgeOptions;
  readonly #results: CaseResult[] = [];
  #begun = 0;
  #number = 0;

  constructor(subject: Subject, cases: readonly ConformanceCase[], options: JudgeOptions) {
    this.#subject = subject;
    this.#cases = cases;
    this.#options = options;
  }

  async results(): Promise<readonly CaseResult[]> {
    for (const id of Object.keys(setups) as SetupId[]) {
      const here = this.#cases.filter(({ setup = 'default' }) => setup === id);
      await this.#share(
        id,
        here.filter(({ endsSubject }) => endsSubject !== true),
      );
      for (const one of here) if (one.endsSubject === true) await this.#share(id, [one]);
    }
    return this.#results;
  }

  /** Runs cases on one endpoint picker; on another one from where it ended unasked. */
  async #share(id: SetupId, cases: readonly ConformanceCase[]): Promise<void> {
    let rest = cases;
    while (rest.length > 0) rest = await this.#runUntilItEnds(id, rest);
  }

  /** Returns the cases that are left. */
  async #runUntilItEnds(
    id: SetupId,
    cases: readonly ConformanceCase[],
  ): Promise<readonly ConformanceCase[]> {
    await using started = new AsyncDisposableStack();
    let running: RunningSubject;
    let pool: ConnectionPool;
    try {
      const subject = await this.#subject.start(setups[id]);
      if (subject.kind === 'unavailable') {
        this.#giveUp(cases, 'skipped', subject.reason);
        return [];
      }
      running = started.use(subject);
      pool = started.use(await this.#connect(running));
    } catch (error) {
      if (!(error instanceof SubjectStartError) && !(error instanceof ConnectError)) throw error;
      this.#giveUp(cases, 'fail', `the endpoint picker did not start ${error.message}`);
      return [];
    }
    for (const [i, one] of cases.entries()) {
      await this.#run(one, running, pool);
      if (running.process?.ended !== undefined && one.endsSubject !== true) {
        return cases.slice(i + 1);
      }
    }
    return [];
  }

  /** Connects, and waits until requests are answered as far as the endpoints allow. */
  async #connect(running: RunningSubject): Promise<ConnectionPool> {
    const { clock, readyMs = 15_000 } = this.#options;
    const { transport, grpc } = running;
    const pool = await createConnectionPool(grpc, { transport, clock, waitMs: CONNECT_MS });
    await using probing = createCaseBench(this.#benchOptions(running, pool));
    const { hostPorts } = running.fleet;
    await probing.bench.eventually(async () => {
      const { routing, immediate } = await probing.bench.exchange({ path: '/v1/models' });
      if (hostPorts.length === 0) return immediate !== undefined;
      return hostPorts.includes(routing?.destination ?? '');
    }, readyMs);
    const { engines = [] } = running.fleet;
    await Promise.all(engines.map((engine) => engine.scraped(1, readyMs)));
    return pool;
  }

  #benchOptions(subject: RunningSubject, pool: ConnectionPool) {
    const { clock, waitMs = 5000 } = this.#options;
    return { subject, pool, clock, waitMs, nextNumber: () => ++this.#number };
  }

  async #run(one: ConformanceCase, subject: RunningSubject, pool: ConnectionPool): Promise<void> {
    const { clock, signal, onCase } = this.#options;
    signal?.throwIfAborted();
    onCase?.(one, ++this.#begun, this.#cases.length);
    const startedMs = clock.nowMs();
    await using atTheBench = createCaseBench(this.#benchOptions(subject, pool));
    let problem: unknown;
    try {
      await this.#limited(one, one.run(atTheBench.bench));
    } catch (error) {
      if (error instanceof AbortedError) throw error;
      problem = error;
    }
    const durationMs = Math.round(clock.nowMs() - startedMs);
    const died = one.endsSubject === true ? undefined : subject.process?.ended;
    if (died !== undefined) {
      this.#add(one, 'fail', `the endpoint picker died: ${died}`, durationMs);
    } else if (problem === undefined) this.#add(one, 'pass', '', durationMs);
    else {
      const result = problem instanceof NotJudged ? 'skipped' : 'fail';
      this.#add(one, result, wordsOf(problem), durationMs);
    }
  }

  /** Rejects when the case takes too long or the run is ended. */
  #limited({ limitMs = DEFAULT_LIMIT_MS }: ConformanceCase, running: Promise<void>): Promise<void> {
    const { clock, signal } = this.#options;
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => {
        timer.cancel();
        signal?.removeEventListener('abort', abort);
        how();
      };
      const abort = () => {
        settle(() => {
          reject(new AbortedError({ cause: signal?.reason }));
        });
      };
      const timer = clock.schedule(limitMs, () => {
        settle(() => {
          reject(new Difference(`it is not over after ${limitMs / 1000} s`));
        });
      });
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
      running.then(
        () => {
          settle(resolve);
        },
        (error: unknown) => {
          settle(() => {
            // Passed on as it came.
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
            reject(error);
          });
        },
      );
    });
  }

  #giveUp(cases: readonly ConformanceCase[], result: 'fail' | 'skipped', detail: string): void {
    for (const one of cases) {
      this.#options.onCase?.(one, ++this.#begun, this.#cases.length);
      this.#add(one, result, detail, 0);
    }
  }

  #add(
    { id, title, level }: ConformanceCase,
    verdict: 'pass' | 'fail' | 'skipped',
    detail: string,
    durationMs: number,
  ): void {
    const result = outcomeOf(verdict, level === 'upstream-defect');
    const entry: CaseResult = { id, title, level, result, detail, durationMs };
    this.#results.push(entry);
    this.#options.onResult?.(entry);
  }
}

function outcomeOf(verdict: 'pass' | 'fail' | 'skipped', isUpstreamDefect: boolean): CaseOutcome {
  if (!isUpstreamDefect || verdict === 'skipped') return verdict;
  return verdict === 'pass' ? 'better' : 'as-upstream';
}

const wordsOf = (error: unknown): string => {
  if (error instanceof Difference || error instanceof NotJudged) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
};
