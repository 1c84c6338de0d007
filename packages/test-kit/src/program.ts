// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface ProgramOptions {
  /** Which of our programs: the name of a folder in `apps`. */
  readonly app:
    'epp' | 'gateway' | 'inference-sim' | 'kv-indexer' | 'kv-relay' | 'llmd' | 'routing-sidecar';
  readonly args?: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Recognises the line that says it serves. Default: a JSON object with `msg: 'ready'`. */
  readonly isReady?: (line: string) => boolean;
  /** Default 60,000, for machines that do much else. */
  readonly readyTimeoutMs?: number;
}

/** How a program ended, and everything it said. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One of our programs, run from its sources. Disposing of it kills it. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** Where it serves, as its ready line says; empty where that names nothing. */
  readonly urls: readonly string[];
  /** The first of {@link urls}. */
  readonly url: string;
  /** What it has written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended. */
  readonly ended: Promise<ProgramEnd>;
  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it by force and waits until it is gone. */
  kill(): Promise<void>;
}

/** A program ended, or stayed silent, instead of serving. */
export class ProgramStartError extends Error {
  readonly code = 'PROGRAM_START';
  readonly app: string;
  constructor(app: string, problem: string) {
    super(`${app} ${problem}`);
    this.name = 'ProgramStartError';
    this.app = app;
  }
}

/** Starts a program and resolves when it serves. Rejects with {@link ProgramStartError}; nothing is left running then. */
export async function startProgram(options: ProgramOptions): Promise<RunningProgram> {
  const { app, readyTimeoutMs = 60_000, isReady = saysReady } = options;
  const program = launch(options);
  const line = await new Promise<string | undefined>((resolve) => {
    const timer = systemClock.schedule(readyTimeoutMs, () => {
      resolve(undefined);
    });
    const look = () => {
      const found = program.stdout.split('\n').slice(0, -1).find(isReady);
      if (found !== undefined) resolve(found);
    };
    program.child.stdout?.on('data', look);
    void program.ended.then(() => {
      resolve(undefined);
    });
    void program.ended.finally(() => {
      timer.cancel();
    });
  });
  if (line === undefined) {
    await program.kill();
    const { code, stderr, stdout } = await program.ended;
    throw new ProgramStartError(
      app,
      `did not serve (exit code ${code ?? 'none'}): ${stderr}${stdout}`,
    );
  }
  const urls = urlsOf(line);
  // By reference: its output goes on growing.
  return Object.assign(program, { urls, url: urls[0] ?? '', pid: program.child.pid ?? 0 });
}

/** Runs a program to its end, by force after `limitMs` (default 60,000): for flags and errors. */
export async function runProgram(
  options: ProgramOptions & { readonly limitMs?: number },
): Promise<ProgramEnd> {
  const program = launch(options);
  const timer = systemClock.schedule(options.limitMs ?? 60_000, () => void program.kill());
  const end = await program.ended;
  timer.cancel();
  return end;
}

const mainOf = (app: string): string =>
  fileURLToPath(new URL(`../../../apps/${app}/src/main.ts`, import.meta.url));

function launch({ app, args = [], env }: ProgramOptions) {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--conditions=@llm-d/source', mainOf(app), ...args],
    {
      // The channel has no messages: our programs end when it closes, so that a test run that is killed leaves nothing.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    },
  );
  const output = collectOutput(child);
  const ended = once(child, 'close').then(([code, signal]): ProgramEnd => {
    // What the event is documented to carry.
    return {
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: output.stdout,
      stderr: output.stderr,
    };
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return {
    child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    ended,
    signal: (signal: NodeJS.Signals) => {
      child.kill(signal);
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

function collectOutput(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return output;
}

const readyFields = (line: string): { msg?: unknown; url?: unknown; urls?: unknown } => {
  try {
    // Whatever JSON it is, reading a field of it is safe once it is an object.
    return (JSON.parse(line) ?? {}) as object;
  } catch {
    return {};
  }
};

const saysReady = (line: string): boolean => readyFields(line).msg === 'ready';

function urlsOf(line: string): readonly string[] {
  const { url, urls } = readyFields(line);
  if (url === undefined && urls === undefined) return line.match(/https?:\/\/[\w.[\]:]+/g) ?? [];
  return (Array.isArray(urls) ? urls : [url]).filter((item) => typeof item === 'string');
}
