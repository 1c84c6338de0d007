// SPDX-License-Identifier: Apache-2.0

export interface CpuPerCallOptions {
  /** Least CPU time of one repetition, in ms. */
  readonly repetitionMs: number;
  readonly repetitions: number;
}

/**
 * CPU time of this process, in µs, that one call takes: one value for each repetition, after a first one that only
 * warms up. It includes the threads that collect garbage and compile, because a server pays for them too; being CPU
 * time, it leaves out what other processes took.
 */
export async function cpuPerCall(
  call: () => unknown,
  { repetitionMs, repetitions }: CpuPerCallOptions,
): Promise<number[]> {
  const samples: number[] = [];
  let batch = 1;
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const before = process.cpuUsage();
    let calls = 0;
    let usedMs: number;
    do {
      for (let i = 0; i < batch; i++) {
        const result = call();
        if (result instanceof Promise) await result;
      }
      calls += batch;
      const { user, system } = process.cpuUsage(before);
      usedMs = (user + system) / 1000;
      // Asking for the time is a system call: about a hundred times in a repetition is enough.
      if (usedMs < repetitionMs / 100) batch *= 2;
    } while (usedMs < repetitionMs);
    if (repetition > 0) samples.push((usedMs * 1000) / calls);
  }
  return samples;
}

/** How long micro benchmarks repeat. */
export const repetitionsFor = (quick: boolean): CpuPerCallOptions =>
  quick ? { repetitionMs: 100, repetitions: 3 } : { repetitionMs: 400, repetitions: 9 };
