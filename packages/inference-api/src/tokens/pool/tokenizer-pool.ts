// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Telemetry } from '@llm-d/telemetry';
import { writeJsonText, type JsonObject } from '../../json/json-text.ts';
import type { ContentFormat } from '../template/content-format.ts';
import { TokenizerError } from '../tokenizer-error.ts';
import type { TokenizedApi, TokenizedRequest } from '../tokenizer.ts';
import { startWorkerThread, type StartWorker } from './worker-handle.ts';
import { WorkerSlot, type CallOutcome, type SlotState } from './worker-slot.ts';

export interface TokenizerPoolOptions {
  /** A model's folder, as {@link loadTokenizerDirectory} reads it. */
  readonly directory: string;
  /** A Jinja file to be used instead of the model's own template. Default the model's. */
  readonly chatTemplateFile?: string;
  /** How content is given to the template. Default by the template. */
  readonly contentFormat?: ContentFormat;
  /** Variables of the template that requests do not set. Default none. */
  readonly defaultTemplateKwargs?: JsonObject;
  /** Threads; each holds a vocabulary and a cache of its own. Default 1. */
  readonly workers?: number;
  /** Most calls that wait for a thread; further ones are refused. Default 256. */
  readonly maxQueue?: number;
  /** Longest a call may take, waiting included (ms). Default 1000. */
  readonly timeoutMs?: number;
  /** Most bytes of tokens that a thread remembers. Default 64 MiB; 0 remembers none. */
  readonly cacheBytes?: number;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'logger'>;
  /** Default threads of this process. */
  readonly startWorker?: StartWorker;
}

/** A request to be tokenized. */
export interface TokenizerCall {
  readonly api: TokenizedApi;
  /** The body in pieces: JSON in UTF-8. Copied. */
  readonly body: readonly Uint8Array[];
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** What a pool is doing, for people who ask. */
export interface TokenizerPoolState {
  readonly directory: string;
  readonly queued: number;
  readonly workers: readonly SlotState[];
  /** Why no worker works. */
  readonly problem?: string;
}

/** Tokenizes off the event loop. */
export interface TokenizerPool {
  /** The tokens of a request's prompt. Rejects with {@link TokenizerError} and nothing else. */
  tokenize(call: TokenizerCall): Promise<TokenizedRequest>;
  readonly state: TokenizerPoolState;
  /** Fails what is under way and ends the threads. */
  close(): Promise<void>;
}

/** A call from its arrival to its end. */
interface Waiting extends TokenizerCall {
  /** Whether somebody still waits. */
  isOpen: boolean;
  readonly settle: (outcome: CallOutcome) => void;
}

/** A worker is replaced when one call takes it longer than this many times what a caller waits. */
const STUCK_TIMEOUTS = 10;

/**
 * Starts threads that load the tokenizer of a folder. Calls wait while it loads. Where it cannot be loaded they are
 * refused, and loading is tried again now and then. Throws a RangeError for counts that are none.
 */
export function createTokenizerPool(options: TokenizerPoolOptions): TokenizerPool {
  const { directory, workers = 1, maxQueue = 256, timeoutMs = 1000, clock } = options;
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError('workers is less than 1');
  let queue: Waiting[] = [];
  let isClosed = false;
  let lastId = 0;

  const dispatch = (): void => {
    for (const slot of slots) {
      if (!slot.isIdle) continue;
      const next = queue.shift();
      if (next === undefined) return;
      const { api, body, settle } = next;
      slot.run({ id: ++lastId, api, body: join(body), epochMs: clock.epochMs() }, settle);
    }
  };
  const problemOfAll = (): TokenizerError | undefined => {
    const problems = slots.map(({ problem }) => problem);
    return problems.every((problem) => problem !== undefined) ? problems[0] : undefined;
  };
  const onChange = (): void => {
    const problem = problemOfAll();
    if (problem !== undefined) failAll(problem);
    else dispatch();
  };
  const failAll = (error: TokenizerError): void => {
    const waiting = queue;
    queue = [];
    for (const { settle } of waiting) settle({ error });
  };

  const slots: readonly WorkerSlot[] = Array.from(
    { length: workers },
    () =>
      new WorkerSlot({
        settings: {
          purpose: 'llm-d-tokenizer',
          directory,
          chatTemplateFile: options.chatTemplateFile,
          contentFormat: options.contentFormat,
          defaultTemplateKwargs:
            options.defaultTemplateKwargs && writeJsonText(options.defaultTemplateKwargs),
          cacheBytes: options.cacheBytes,
        },
        start: options.startWorker ?? startWorkerThread,
        clock,
        logger: options.telemetry.logger,
        stuckAfterMs: timeoutMs * STUCK_TIMEOUTS,
        onChange,
      }),
  );

  const refusal = (signal: AbortSignal | undefined): TokenizerError | undefined => {
    if (isClosed) return new TokenizerError('TOKENIZER_CLOSED', 'the tokenizer was closed');
    if (signal?.aborted === true) return aborted(signal);
    if (queue.length >= maxQueue) {
      return new TokenizerError('TOKENIZER_BUSY', `${maxQueue} requests wait for the tokenizer`);
    }
    return problemOfAll();
  };

  const tokenize = (call: TokenizerCall): Promise<TokenizedRequest> => {
    const refused = refusal(call.signal);
    if (refused !== undefined) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      const settle = (outcome: CallOutcome): void => {
        if (!waiting.isOpen) return;
        waiting.isOpen = false;
        timer.cancel();
        call.signal?.removeEventListener('abort', abort);
        if ('tokens' in outcome) resolve(outcome.tokens);
        else reject(outcome.error);
      };
      const waiting: Waiting = { ...call, isOpen: true, settle };
      const giveUp = (error: TokenizerError): void => {
        queue = queue.filter((other) => other !== waiting);
        settle({ error });
      };
      const abort = (): void => {
        giveUp(aborted(call.signal));
      };
      const timer = clock.schedule(timeoutMs, () => {
        giveUp(new TokenizerError('TOKENIZER_TIMEOUT', `no tokens within ${timeoutMs} ms`));
      });
      call.signal?.addEventListener('abort', abort, { once: true });
      queue.push(waiting);
      dispatch();
    });
  };

  return {
    tokenize,
    get state() {
      const problem = problemOfAll();
      return {
        directory,
        queued: queue.length,
        workers: slots.map(({ state }) => state),
        ...(problem !== undefined && { problem: problem.message }),
      };
    },
    close: async () => {
      isClosed = true;
      failAll(new TokenizerError('TOKENIZER_CLOSED', 'the tokenizer was closed'));
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}

const aborted = (signal: AbortSignal | undefined): TokenizerError =>
  new TokenizerError('TOKENIZER_ABORTED', 'nobody waits for the tokens', { cause: signal?.reason });

/** The bytes in a buffer of their own, which can be handed over. */
function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
