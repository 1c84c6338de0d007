// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A program of somebody else that tests run against, or why it cannot be had on this machine. */
export type RealPart = { readonly path: string } | { readonly missing: string };

/** How a real part is made. */
export interface RealPartRecipe {
  /** Its name and version, such as `envoy-1.40.0`: where it is kept in the cache. */
  readonly name: string;
  /** Longest that making it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Makes it in the empty folder `work` and names the file or folder that is to be kept. */
  readonly make: (work: string, steps: MakingSteps) => Promise<string>;
}

/** What a recipe makes its part with. */
export interface MakingSteps {
  /** Aborts when the time is up. */
  readonly signal: AbortSignal;
  /** Runs a program in the folder of the work and resolves with what it printed; rejects when it fails. */
  readonly run: (
    program: string,
    args: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string },
  ) => Promise<string>;
}

const LOCK_POLL_MS = 200;
const runFile = promisify(execFile);

/** Where parts are kept between runs. */
const cacheFolder = (): string => join(homedir(), '.cache', 'llm-d');

/**
 * Finds a part in the cache, or makes it there. Test files that ask at the same moment wait for one of them. Never
 * rejects: what went wrong is the answer.
 */
export async function obtain(recipe: RealPartRecipe): Promise<RealPart> {
  const path = join(cacheFolder(), recipe.name);
  if (existsSync(path)) return { path };
  try {
    await mkdir(cacheFolder(), { recursive: true });
    const unlock = await lock(`${path}.lock`, recipe.timeoutMs);
    try {
      if (!existsSync(path)) await make(recipe, path);
    } finally {
      await unlock();
    }
    return { path };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { missing: text.trim().split('\n').slice(0, 3).join(' ') };
  }
}

async function make(recipe: RealPartRecipe, path: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), `${recipe.name}-`));
  const signal = AbortSignal.timeout(recipe.timeoutMs);
  process.stderr.write(`making ${recipe.name} for the tests, once\n`);
  try {
    const made = await recipe.make(work, {
      signal,
      run: async (program, args, { env, cwd } = {}) => {
        const { stdout } = await runFile(program, args, {
          cwd: cwd ?? work,
          env: { ...process.env, ...env },
          signal,
          maxBuffer: 2 ** 26,
        });
        return stdout;
      },
    });
    // The temp folder may be on another disk; the rename makes it appear whole.
    const staged = `${path}.${process.pid}`;
    // Links within a part would otherwise lead back into the folder where it was made.
    await cp(made, staged, { recursive: true, verbatimSymlinks: true });
    await rename(staged, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Takes a lock file, waiting while a living process holds it, and gives back how to release it. */
async function lock(file: string, timeoutMs: number): Promise<() => Promise<void>> {
  const deadlineMs = systemClock.nowMs() + timeoutMs;
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (systemClock.nowMs() > deadlineMs) throw new Error(`${file} is held by another process`);
    if (!(await isHeld(file))) await rm(file, { force: true });
    await new Promise<void>((resolve) => systemClock.schedule(LOCK_POLL_MS, resolve));
  }
}

async function isHeld(file: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(file, 'utf8'));
    // Not written yet: its owner is just about to.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether tests that need the part are left out: it is not there, and nobody insists (`LLMD_REQUIRE_REAL_PARTS=1`). */
export const isSkipped = (part: RealPart): boolean =>
  'missing' in part && process.env['LLMD_REQUIRE_REAL_PARTS'] !== '1';

/** The title of a suite, with the reason where it is left out. */
export const titleWith = (title: string, part: RealPart): string =>
  'missing' in part ? `${title} (left out: ${part.missing})` : title;

/** Where the part is. Throws where it is missing, which fails the test that insists on it. */
export function pathOf(part: RealPart): string {
  if ('missing' in part) throw new Error(`a real part is required and missing: ${part.missing}`);
  return part.path;
}
