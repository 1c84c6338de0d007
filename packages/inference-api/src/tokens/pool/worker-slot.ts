// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import type { PrefixTokenCacheStats } from '../encoding/prefix-token-cache.ts';
import { TokenizerError } from '../tokenizer-error.ts';
import type { TokenizedRequest } from '../tokenizer.ts';
import type { StartWorker, WorkerHandle } from './worker-handle.ts';
import type { WorkerCall, WorkerReport, WorkerSettings } from './worker-messages.ts';

/** How a call to a worker ended. */
export type CallOutcome =
  { readonly tokens: TokenizedRequest } | { readonly error: TokenizerError };

/** What a slot is doing, for people who ask. */
export interface SlotState {
  readonly status: 'starting' | 'idle' | 'busy' | 'down' | 'closed';
  /** Times its worker ended without being asked to. */
  readonly crashes: number;
  readonly cache?: PrefixTokenCacheStats;
}

export interface WorkerSlotOptions {
  readonly settings: WorkerSettings;
  readonly start: StartWorker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Longest a call may keep the worker busy (ms) before it is ended and replaced. */
  readonly stuckAfterMs: number;
  /** It can take a call, or has become unable to. */
  readonly onChange: () => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** A place for one worker, which is replaced when it ends, with growing pauses. */
export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  #worker: WorkerHandle | undefined;
  #status: SlotState['status'] = 'starting';
  #call: { readonly id: number; readonly settle: (outcome: CallOutcome) => void } | undefined;
  /** Of the worker that is stuck, or of the pause before the next one. */
  #timer: Timer | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #crashes = 0;
  #cache: PrefixTokenCacheStats | undefined;
  /** Why there is no worker, while there is none. */
  problem: TokenizerError | undefined;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
    this.#start();
  }

  get state(): SlotState {
    return {
      status: this.#status,
      crashes: this.#crashes,
      ...(this.#cache !== undefined && { cache: this.#cache }),
    };
  }

  get isIdle(): boolean {
    return this.#status === 'idle';
  }

  /** Has the worker do a call. Only while the slot is idle. `settle` is called once. */
  run(call: WorkerCall, settle: (outcome: CallOutcome) => void): void {
    const { clock, stuckAfterMs, logger } = this.#options;
    this.#status = 'busy';
    this.#call = { id: call.id, settle };
    this.#timer = clock.schedule(stuckAfterMs, () => {
      logger.error('a tokenizer worker is stuck and is replaced', { stuckAfterMs });
      void this.#worker?.terminate();
    });
    this.#worker?.post(call);
  }

  /** Ends the worker; its call fails. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#status = 'closed';
    this.#timer?.cancel();
    this.#settle({ error: new TokenizerError('TOKENIZER_CLOSED', 'the tokenizer was closed') });
    await this.#worker?.terminate();
  }

  #start(): void {
    this.#status = 'starting';
    const { start, settings } = this.#options;
    const worker = start(settings, {
      report: (report) => {
        if (this.#worker === worker) this.#heed(report);
      },
      ended: (error) => {
        if (this.#worker === worker) this.#mourn(error);
      },
    });
    this.#worker = worker;
  }

  #heed(report: WorkerReport): void {
    if (this.#status === 'closed') return;
    switch (report.kind) {
      case 'ready':
        this.#pauseMs = FIRST_PAUSE_MS;
        this.problem = undefined;
        this.#options.logger.info('tokenizer loaded', {
          directory: this.#options.settings.directory,
          contentFormat: report.contentFormat,
        });
        this.#becomeIdle();
        break;
      case 'unusable':
        this.problem = new TokenizerError(report.code, report.message);
        break;
      case 'tokens':
        this.#cache = report.cache;
        this.#finish(report.id, {
          tokens: { ids: report.ids, promptStarts: report.promptStarts },
        });
        break;
      case 'refused':
        this.#finish(report.id, { error: new TokenizerError(report.code, report.message) });
        break;
    }
  }

  #finish(id: number, outcome: CallOutcome): void {
    if (this.#call?.id !== id) return;
    this.#timer?.cancel();
    this.#settle(outcome);
    this.#becomeIdle();
  }

  #becomeIdle(): void {
    this.#status = 'idle';
    this.#options.onChange();
  }

  #settle(outcome: CallOutcome): void {
    const call = this.#call;
    this.#call = undefined;
    call?.settle(outcome);
  }

  #mourn(error: unknown): void {
    if (this.#status === 'closed') return;
    const { clock, logger, settings, onChange } = this.#options;
    const isNews = this.problem === undefined || this.#pauseMs === FIRST_PAUSE_MS;
    const { directory } = settings;
    if (this.problem === undefined) {
      this.#crashes++;
      this.problem = new TokenizerError('TOKENIZER_CRASHED', 'a tokenizer worker ended', {
        cause: error,
      });
    }
    if (isNews) logger.error('no tokenizer', { directory, error: this.problem, cause: error });
    this.#timer?.cancel();
    this.#status = 'down';
    this.#settle({ error: this.problem });
    this.#timer = clock.schedule(this.#pauseMs, () => {
      this.#start();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    onChange();
  }
}
