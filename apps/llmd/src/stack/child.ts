// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The line with which our programs say that they serve, and where. */
export interface ReadyLine {
  readonly urls: readonly string[];
  /** Ports at which it publishes KV events and answers replays; absent where it does not publish any. */
  readonly kvPorts?: KvPorts;
}

/** Where an engine publishes its KV events. */
export interface KvPorts {
  readonly events: number;
  readonly replays: number;
}

/** What a supervised program is doing. */
export type ChildState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly urls: readonly string[] }
  | { readonly kind: 'died'; readonly reason: string; readonly restarts: number }
  | { readonly kind: 'stopped' };

export interface ChildOptions {
  /** Shown to people. */
  readonly name: string;
  /** Script for the Node that runs this program. */
  readonly script: string;
  readonly args: readonly string[];
  /** What to say instead when it is started again after it served as `before` says. Default the same. */
  readonly restartArgs?: (before: ReadyLine) => readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly clock: Clock;
  /** Told of every change. */
  readonly onState?: (state: ChildState) => void;
  /** Lines of its output that are not the ready line. */
  readonly onLine?: (line: string) => void;
  /** Whether to start it again when it dies after it was ready. Default true. */
  readonly restart?: boolean;
}

/** A program that is kept running. */
export interface Child {
  readonly name: string;
  readonly state: ChildState;
  /** Resolves when it serves for the first time; rejects with {@link ChildStartError} if it ends before. */
  readonly ready: Promise<ReadyLine>;
  readonly pid: number | undefined;
  /** Ends it, by force after some seconds; resolves when it is gone. Calling it again waits as well. */
  stop(): Promise<void>;
}

/** A program ended before it served. */
export class ChildStartError extends Error {
  readonly code = 'CHILD_START';
  readonly child: string;
  readonly reason: string;
  constructor(child: string, reason: string) {
    super(`${child} did not start: ${reason}`);
    this.name = 'ChildStartError';
    this.child = child;
    this.reason = reason;
  }
}

/** Pause before a program that died is started again; grows with every death up to the second number. */
const RESTART_PAUSE_MS = [500, 8000] as const;
/** How long a program may take to end on request. */
const STOP_GRACE_MS = 5000;
/** Lines of error output kept to explain a death. */
const KEPT_ERROR_LINES = 5;

/** Starts a program and keeps it running until it is stopped. */
export function startChild(options: ChildOptions): Child {
  return new SupervisedChild(options);
}

class SupervisedChild implements Child {
  readonly name: string;
  readonly ready: Promise<ReadyLine>;
  readonly #options: ChildOptions;
  #state: ChildState = { kind: 'starting' };
  #process: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #restartTimer: Timer | undefined;
  #restarts = 0;
  #served: ReadyLine | undefined;
  #stopping = false;
  #resolveReady: (line: ReadyLine) => void = () => undefined;
  #rejectReady: (error: Error) => void = () => undefined;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Whoever does not wait for it must not be ended by it.
    this.ready.catch(() => undefined);
    this.#start();
  }

  get state(): ChildState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#restartTimer?.cancel();
    const running = this.#process;
    if (running !== undefined) {
      running.kill('SIGTERM');
      const force = this.#options.clock.schedule(STOP_GRACE_MS, () => running.kill('SIGKILL'));
      await this.#gone;
      force.cancel();
    }
    this.#set({ kind: 'stopped' });
    this.#rejectReady(new ChildStartError(this.name, 'it was stopped'));
  }

  #start(): void {
    this.#set({ kind: 'starting' });
    const { script, nodeArgs = [], restartArgs } = this.#options;
    const args = (this.#served && restartArgs?.(this.#served)) ?? this.#options.args;
    // The channel has no messages: it closes with this process, however that ends, and tells the program to end too.
    const running = spawn(process.execPath, [...nodeArgs, script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process = running;
    const errors: string[] = [];
    this.#readLines(running, errors);
    this.#gone = new Promise((resolve) => {
      const ended = (reason: string) => {
        this.#process = undefined;
        resolve();
        this.#ended(errors.at(-1) ?? reason);
      };
      running.once('error', (error) => {
        ended(error.message);
      });
      // Not before its output is read to the end: the last line explains a death.
      running.once('close', (code, signal) => {
        ended(signal === null ? `exit code ${code ?? 0}` : `signal ${signal}`);
      });
    });
  }

  #readLines({ stdout, stderr }: ChildProcess, errors: string[]): void {
    if (stdout !== null) {
      createInterface(stdout).on('line', (line) => {
        const ready = readyLine(line);
        if (ready === undefined) this.#options.onLine?.(line);
        else this.#isReady(ready);
      });
    }
    if (stderr !== null) {
      createInterface(stderr).on('line', (line) => {
        if (line.trim() !== '') errors.push(line);
        if (errors.length > KEPT_ERROR_LINES) errors.shift();
        this.#options.onLine?.(line);
      });
    }
  }

  #isReady(line: ReadyLine): void {
    this.#served = line;
    this.#set({ kind: 'ready', urls: line.urls });
    this.#resolveReady(line);
  }

  #ended(reason: string): void {
    if (this.#stopping) return;
    const served = this.#state.kind === 'ready';
    this.#set({ kind: 'died', reason, restarts: this.#restarts });
    this.#rejectReady(new ChildStartError(this.name, reason));
    if (this.#options.restart === false || (!served && this.#restarts === 0)) return;
    const [first, longest] = RESTART_PAUSE_MS;
    const pauseMs = Math.min(longest, first * 2 ** this.#restarts++);
    this.#restartTimer = this.#options.clock.schedule(pauseMs, () => {
      this.#start();
    });
  }

  #set(state: ChildState): void {
    this.#state = state;
    this.#options.onState?.(state);
  }
}

/** Reads `{"msg":"ready","urls":[…]}` (or one `url`, and perhaps `kvEvents`); undefined for any other line. */
function readyLine(line: string): ReadyLine | undefined {
  if (!line.includes('"ready"')) return undefined;
  try {
    const parsed = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (parsed['msg'] !== 'ready') return undefined;
    const urls = Array.isArray(parsed['urls']) ? parsed['urls'] : [parsed['url']];
    const kvPorts = kvPortsOf(parsed['kvEvents']);
    return {
      urls: urls.filter((url) => typeof url === 'string'),
      ...(kvPorts && { kvPorts }),
    };
  } catch {
    return undefined;
  }
}

/** Of the first engine, as inference-sim lists them. */
function kvPortsOf(kvEvents: unknown): KvPorts | undefined {
  const [first] = (Array.isArray(kvEvents) ? kvEvents : []) as readonly {
    readonly endpoint?: string;
    readonly replayEndpoint?: string;
  }[];
  const portOf = (endpoint = ''): number => Number(/:(\d+)$/.exec(endpoint)?.[1] ?? 0);
  const ports = { events: portOf(first?.endpoint), replays: portOf(first?.replayEndpoint) };
  return ports.events > 0 && ports.replays > 0 ? ports : undefined;
}
