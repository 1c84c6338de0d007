// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { resolve } from 'node:path';
import type { BenchmarkResult } from '../benchmark.ts';
import { canPin } from '../system/pinning.ts';

const RESULTS = resolve(import.meta.dirname, '../../results');

/** What figures depend on besides the code. */
export const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  kernel: release(),
  node: process.version,
  pinned: canPin,
  /** Of the last minute. */
  loadAverage: loadavg()[0],
});

export interface RunConditions {
  readonly quick: boolean;
  readonly startedAt: Date;
  /** The machine before the run: afterwards its load is the benchmark's own. */
  readonly machine: ReturnType<typeof machine>;
}

/** Writes `results/<name>.json` and returns its path. */
export function writeResult(
  name: string,
  result: BenchmarkResult,
  conditions: RunConditions,
): string {
  mkdirSync(RESULTS, { recursive: true });
  const path = resolve(RESULTS, `${name}.json`);
  writeFileSync(
    path,
    `${JSON.stringify({ benchmark: name, ...conditions, ...result }, null, 2)}\n`,
  );
  return path;
}
