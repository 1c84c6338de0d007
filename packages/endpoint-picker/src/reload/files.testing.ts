// SPDX-License-Identifier: Apache-2.0
import type { VirtualClock } from '@llm-d/determinism';
import type { WatchedFiles } from '../discovery/file-discovery.ts';

/** Files in memory whose changes are told, unless a test wants them to be overlooked. */
export interface MemoryFiles extends WatchedFiles {
  /** Undefined deletes. `silently` as a file system that says nothing. */
  write(path: string, text: string | undefined, how?: { readonly silently: boolean }): void;
  /** Paths that somebody watches. */
  readonly watched: readonly string[];
  /** How often a file was read. */
  readonly reads: number;
}

/** Files with these texts. */
export function memoryFiles(texts: Readonly<Record<string, string>>): MemoryFiles {
  const content = new Map<string, string>(Object.entries(texts));
  const watchers = new Set<{ readonly path: string; readonly changed: () => void }>();
  let reads = 0;
  return {
    read: (path) => {
      reads++;
      const text = content.get(path);
      return text === undefined
        ? Promise.reject(new Error(`ENOENT: no such file, open '${path}'`))
        : Promise.resolve(text);
    },
    watch: (path, changed) => {
      const watcher = { path, changed };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    write: (path, text, how) => {
      if (text === undefined) content.delete(path);
      else content.set(path, text);
      if (how?.silently === true) return;
      for (const watcher of watchers) if (watcher.path === path) watcher.changed();
    },
    get watched() {
      return [...watchers].map(({ path }) => path);
    },
    get reads() {
      return reads;
    },
  };
}

/** Lets everything happen that is due within a time, promises included. */
export async function pass(clock: VirtualClock, ms: number, stepMs = 10): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
