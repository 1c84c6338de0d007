// SPDX-License-Identifier: Apache-2.0

/** What a figure must be for the product's promise to hold. */
export type Bar = { readonly atLeast: number } | { readonly atMost: number };

/** One measured quantity. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** One value for each repetition; the median is the figure. Never empty. */
  readonly samples: readonly number[];
  /** Undefined: reported for information only. */
  readonly bar?: Bar;
}

export interface BenchmarkOptions {
  /** Short windows and few repetitions: shows that it works, not how fast it is. */
  readonly quick: boolean;
}

export interface BenchmarkResult {
  readonly figures: readonly Figure[];
  /** What a reader must know to judge the figures, such as a load generator that had no headroom. */
  readonly remarks: readonly string[];
}

/** One question about the product's speed. */
export interface Benchmark {
  readonly name: string;
  /** One line that says what is measured. */
  readonly summary: string;
  /**
   * Where the runner's own process is put: with `generator` it loads another process and stays off its core, with
   * `subject` it is itself what is measured.
   */
  readonly runnerIs: 'generator' | 'subject';
  run(options: BenchmarkOptions): Promise<BenchmarkResult>;
}
