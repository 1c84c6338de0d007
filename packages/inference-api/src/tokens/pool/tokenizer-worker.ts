// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from 'node:worker_threads';
import { isWorkerSettings } from './worker-messages.ts';

/**
 * Where the worker begins. Whoever starts one imports this module to learn its address, which sources, compiled files
 * and bundles each have their own of; only in a worker does it do anything.
 */
export const workerUrl = import.meta.url;

if (parentPort !== null && isWorkerSettings(workerData)) {
  const { serveCalls } = await import('./worker-loop.ts');
  await serveCalls(parentPort, workerData);
}
