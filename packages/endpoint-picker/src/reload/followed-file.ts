// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { noopLogger, type Logger } from '@llm-d/telemetry';
import { nodeFiles, type WatchedFiles } from '../discovery/file-discovery.ts';

/** What is in a file, or why it cannot be read. */
export type FileReading =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly message: string };

export interface FollowedFileOptions {
  readonly path: string;
  /** What is known to be in it. */
  readonly text: string;
  /** Told of what is in it now. The next time only after this has resolved; must not reject. */
  readonly onChange: (reading: FileReading) => Promise<void>;
  readonly clock: Clock;
  /** Default the file system. */
  readonly files?: WatchedFiles;
  readonly logger?: Logger;
  /** Two readings this far apart (ms) must be the same before they count. Default 50. */
  readonly settleMs?: number;
  /** Time (ms) after which it is read though nobody said that it changed: not every file system does. Default 10 000. */
  readonly pollMs?: number;
}

/**
 * Follows a file through being rewritten, replaced by a rename, switched behind a link, deleted and put back. Only what is
 * in it counts: tells of every content that stays for a moment and is not the one told before. Returns how to stop.
 */
export function followFile(options: FollowedFileOptions): { stop(): void } {
  return new Follower(options);
}

class Follower {
  readonly #options: FollowedFileOptions;
  readonly #files: WatchedFiles;
  readonly #settleMs: number;
  readonly #pollMs: number;
  readonly #unwatch: (() => void) | undefined;
  /** What was told last. */
  #told: FileReading;
  /** What was read last and has not stayed for long enough yet. */
  #fresh: FileReading | undefined;
  #timer: { readonly isPoll: boolean; readonly timer: Timer } | undefined;
  /** How often somebody said that it changed. */
  #changes = 0;
  #isStopped = false;

  constructor(options: FollowedFileOptions) {
    this.#options = options;
    const { text, path, files = nodeFiles, settleMs = 50, pollMs = 10_000 } = options;
    this.#told = { kind: 'text', text };
    this.#files = files;
    this.#settleMs = settleMs;
    this.#pollMs = pollMs;
    this.#unwatch = this.#watch(path);
    // It may have changed since it was read.
    this.#arm(settleMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#unwatch?.();
    this.#timer?.timer.cancel();
  }

  #watch(path: string): (() => void) | undefined {
    try {
      return this.#files.watch(path, () => {
        this.#changes++;
        if (this.#timer?.isPoll === true) this.#arm(this.#settleMs);
      });
    } catch (error) {
      const { logger = noopLogger } = this.#options;
      logger.warn('file cannot be watched and is read now and then', { path, error });
      return undefined;
    }
  }

  #arm(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer?.timer.cancel();
    const timer = this.#options.clock.schedule(delayMs, () => {
      this.#timer = undefined;
      void this.#look();
    });
    this.#timer = { isPoll: delayMs === this.#pollMs, timer };
  }

  async #look(): Promise<void> {
    const changes = this.#changes;
    const reading = await this.#read();
    if (this.#isStopped) return;
    const hasStayed = this.#fresh !== undefined && isSame(reading, this.#fresh);
    this.#fresh = isSame(reading, this.#told) || hasStayed ? undefined : reading;
    if (hasStayed && !isSame(reading, this.#told)) {
      this.#told = reading;
      await this.#options.onChange(reading);
    }
    const isSettled = this.#fresh === undefined && this.#changes === changes;
    this.#arm(isSettled ? this.#pollMs : this.#settleMs);
  }

  async #read(): Promise<FileReading> {
    try {
      return { kind: 'text', text: await this.#files.read(this.#options.path) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: 'unreadable', message };
    }
  }
}

function isSame(a: FileReading, b: FileReading): boolean {
  if (a.kind === 'text') return b.kind === 'text' && a.text === b.text;
  return b.kind === 'unreadable' && a.message === b.message;
}
