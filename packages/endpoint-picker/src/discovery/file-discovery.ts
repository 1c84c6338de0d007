// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { noopLogger, type Logger } from '@llm-d/telemetry';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Fleet } from '../fleet/fleet.ts';
import { EndpointsFileError, parseEndpointsFile } from './endpoints-file.ts';

/** The file system as far as discovery needs it. */
export interface WatchedFiles {
  read(path: string): Promise<string>;
  /**
   * Calls back when the file may have changed, also when it is replaced by a rename or when a link on its way is
   * switched (as Kubernetes does with mounted ConfigMaps). Returns how to stop.
   */
  watch(path: string, changed: () => void): () => void;
}

/** Node's file system. Watches the folder, because a watch on the file itself ends with a rename. */
export const nodeFiles: WatchedFiles = {
  read: (path) => readFile(path, 'utf8'),
  watch: (path, changed) => {
    const watcher = watch(dirname(path), { persistent: false }, changed);
    // A folder that vanishes ends the watch; the fleet keeps what it has.
    watcher.on('error', () => undefined);
    return () => {
      watcher.close();
    };
  },
};

export interface FileDiscoveryOptions {
  readonly fleet: Fleet;
  readonly path: string;
  /** Follow changes. Default true. */
  readonly watchFile?: boolean;
  readonly clock: Clock;
  readonly files?: WatchedFiles;
  readonly logger?: Logger;
}

/** Changes that come in one burst are read once, this long after the first. */
const SETTLE_MS = 50;

/** An endpoints file that was read and waits for its fleet. */
export interface OpenedEndpointsFile {
  /** Fills the fleet and keeps following the file. Called at most once. */
  start(): void;
  /** Ends it, whether it was started or not. */
  stop(): void;
}

/**
 * Fills the fleet from an endpoints file and keeps following it. Rejects with {@link EndpointsFileError} when the file
 * cannot be read or understood at the start; later such a file is reported and the fleet stays as it is.
 */
export async function startFileDiscovery(options: FileDiscoveryOptions): Promise<{ stop(): void }> {
  const opened = await openEndpointsFile(options);
  opened.start();
  return opened;
}

/**
 * Everything about {@link startFileDiscovery} that may fail or takes time: what is left is to start it. Rejects as that
 * does.
 */
export async function openEndpointsFile(
  options: FileDiscoveryOptions,
): Promise<OpenedEndpointsFile> {
  const { fleet, path, clock, files = nodeFiles, logger = noopLogger } = options;
  let pending: Timer | undefined;
  let state: 'opened' | 'started' | 'stopped' = 'opened';
  let isStale = false;
  const read = async () => parseEndpointsFile(await readOrExplain(files, path), path);
  const apply = ({ endpoints, problems }: Awaited<ReturnType<typeof read>>): void => {
    for (const problem of problems) logger.warn('endpoint left out', { path, problem });
    fleet.reconcile(endpoints);
  };
  const reload = (): void => {
    pending = undefined;
    read()
      .then((listing) => {
        if (state === 'started') apply(listing);
      })
      .catch((error: unknown) => {
        if (state === 'started') logger.error('endpoints file not taken over', { path, error });
      });
  };
  const changed = (): void => {
    if (state === 'started') pending ??= clock.schedule(SETTLE_MS, reload);
    else isStale = true;
  };
  const first = await read();
  const unwatch = options.watchFile === false ? undefined : watching(files, path, changed);
  return {
    start: () => {
      if (state !== 'opened') return;
      state = 'started';
      apply(first);
      if (isStale) changed();
    },
    stop: () => {
      state = 'stopped';
      unwatch?.();
      pending?.cancel();
    },
  };
}

function watching(files: WatchedFiles, path: string, changed: () => void): () => void {
  try {
    return files.watch(path, changed);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EndpointsFileError(path, `cannot be watched: ${reason}`, { cause });
  }
}

async function readOrExplain(files: WatchedFiles, path: string): Promise<string> {
  try {
    return await files.read(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EndpointsFileError(path, `cannot be read: ${reason}`, { cause: error });
  }
}
