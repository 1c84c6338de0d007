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

/**
 * Fills the fleet from an endpoints file and keeps following it. Rejects with {@link EndpointsFileError} when the file
 * cannot be read or understood at the start; later such a file is reported and the fleet stays as it is.
 */
export async function startFileDiscovery(options: FileDiscoveryOptions): Promise<{ stop(): void }> {
  const { fleet, path, clock, files = nodeFiles, logger = noopLogger } = options;
  const load = async (): Promise<void> => {
    const { endpoints, problems } = parseEndpointsFile(await readOrExplain(files, path), path);
    for (const problem of problems) logger.warn('endpoint left out', { path, problem });
    fleet.reconcile(endpoints);
  };
  await load();

  let pending: Timer | undefined;
  let stopped = false;
  const reload = (): void => {
    pending = undefined;
    load().catch((error: unknown) => {
      if (!stopped) logger.error('endpoints file not taken over', { path, error });
    });
  };
  const unwatch =
    options.watchFile === false
      ? undefined
      : files.watch(path, () => {
          pending ??= clock.schedule(SETTLE_MS, reload);
        });
  return {
    stop: () => {
      stopped = true;
      unwatch?.();
      pending?.cancel();
    },
  };
}

async function readOrExplain(files: WatchedFiles, path: string): Promise<string> {
  try {
    return await files.read(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EndpointsFileError(path, `cannot be read: ${reason}`, { cause: error });
  }
}
