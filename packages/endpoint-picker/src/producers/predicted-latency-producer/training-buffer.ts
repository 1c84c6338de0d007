// SPDX-License-Identifier: Apache-2.0
import { randomBelow, shuffle, type Random } from '@llm-d/determinism';
import type { TrainingSample } from './predictor-wire.ts';

/** Collects samples until they are sent; holds no more than twice as many as may be sent. */
export interface TrainingBuffer {
  add(sample: TrainingSample): void;
  /** Samples seen since the last {@link take}. */
  readonly seen: number;
  /**
   * Everything collected, and empties the buffer. Of more than fit, a selection by chance in which first tokens and
   * further tokens keep their shares.
   */
  take(): readonly TrainingSample[];
}

/** An empty buffer for at most `maxSamples` samples at once. */
export function createTrainingBuffer(maxSamples: number, random: Random): TrainingBuffer {
  const firstTokens = new Reservoir(maxSamples, random);
  const furtherTokens = new Reservoir(maxSamples, random);
  return {
    add: (sample) => {
      (sample.actual_ttft_ms > 0 ? firstTokens : furtherTokens).add(sample);
    },
    get seen() {
      return firstTokens.seen + furtherTokens.seen;
    },
    take: () => {
      const seen = firstTokens.seen + furtherTokens.seen;
      const share = seen <= maxSamples ? 1 : maxSamples / seen;
      const first = Math.round(firstTokens.seen * share);
      const further = Math.min(furtherTokens.seen, maxSamples - first);
      return [...firstTokens.take(first), ...furtherTokens.take(further)];
    },
  };
}

/** A uniform selection of what it has seen, of bounded size. */
class Reservoir {
  seen = 0;
  #kept: TrainingSample[] = [];
  readonly #capacity: number;
  readonly #random: Random;

  constructor(capacity: number, random: Random) {
    this.#capacity = capacity;
    this.#random = random;
  }

  add(sample: TrainingSample): void {
    this.seen++;
    if (this.#kept.length < this.#capacity) {
      this.#kept.push(sample);
      return;
    }
    const place = randomBelow(this.#random, this.seen);
    if (place < this.#capacity) this.#kept[place] = sample;
  }

  take(count: number): readonly TrainingSample[] {
    const kept = this.#kept;
    this.#kept = [];
    this.seen = 0;
    if (count >= kept.length) return kept;
    return shuffle(this.#random, kept).slice(0, count);
  }
}
