// SPDX-License-Identifier: Apache-2.0
import { Worker } from 'node:worker_threads';
import type { WorkerCall, WorkerReport, WorkerSettings } from './worker-messages.ts';

/** A worker, as the pool sees it. */
export interface WorkerHandle {
  /** Sends a call; its body is the worker's from then on. */
  post(call: WorkerCall): void;
  /** Ends it, whatever it is doing. Resolves when it is gone; calling it again is harmless. */
  terminate(): Promise<void>;
}

/** What a worker tells whoever started it. */
export interface WorkerListener {
  report(report: WorkerReport): void;
  /** It is gone, by itself or because it was ended. Called once. */
  ended(error: unknown): void;
}

/** Starts workers; the real one below, or a test's. */
export type StartWorker = (settings: WorkerSettings, listener: WorkerListener) => WorkerHandle;

/** Starts a thread that tokenizes. It does not keep the process alive. */
export const startWorkerThread: StartWorker = (settings, listener) => {
  const starting = launch(settings, listener);
  return {
    post: (call) => {
      void starting.then((worker) => worker?.postMessage(call, [call.body.buffer]));
    },
    terminate: async () => {
      await (await starting)?.terminate();
    },
  };
};

async function launch(
  settings: WorkerSettings,
  listener: WorkerListener,
): Promise<Worker | undefined> {
  try {
    // A chunk of its own in bundles, whose address nobody knows before.
    const { workerUrl } = await import('./tokenizer-worker.ts');
    const worker = new Worker(new URL(workerUrl), { workerData: settings, name: 'tokenizer' });
    let error: unknown;
    worker.on('message', (report: WorkerReport) => {
      listener.report(report);
    });
    worker.on('error', (cause) => {
      error = cause;
    });
    worker.on('exit', () => {
      listener.ended(error);
    });
    worker.unref();
    return worker;
  } catch (error) {
    listener.ended(error);
    return undefined;
  }
}
