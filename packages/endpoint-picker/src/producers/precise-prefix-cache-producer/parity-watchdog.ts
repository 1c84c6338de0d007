// SPDX-License-Identifier: Apache-2.0

/** What became of one request's blocks, looked up after its answer. */
export interface ParityTrial {
  /** Blocks of the prompt that its server must have named in events by now; above 0. */
  readonly expectedBlocks: number;
  /** Leading ones of them that the index knows on that server. */
  readonly knownBlocks: number;
}

export interface ParityWatchdogOptions {
  /** Latest trials that are looked at. Default 32. */
  readonly window?: number;
  /** Trials before anything is concluded. Default 16. */
  readonly minTrials?: number;
  /** Share of blocks up to which tokens diverge. Default 0.05. */
  readonly divergedShare?: number;
  /** Trials in a row that must find half of their blocks until tokens agree again. Default 8. */
  readonly recoveryTrials?: number;
}

/**
 * Whether prompts are tokenized here as the engines tokenize them. If they are not, not one of our block names ever
 * occurs in events: names are hashes over all tokens from the first on.
 *
 * The statistic is the share of expected blocks that were found over the latest trials. Where tokens agree, a trial
 * misses its blocks only when they were evicted or their event was late, which needs not happen to 95 of 100 blocks;
 * where they differ, a hit takes a collision of 64 bits. So the share lies near 1 or near 0, and 16 trials are enough
 * to tell. Trials that cannot tell, such as of a server that stored nothing, must not be given.
 */
export class ParityWatchdog {
  readonly #window: number;
  readonly #minTrials: number;
  readonly #divergedShare: number;
  readonly #recoveryTrials: number;
  #trials: ParityTrial[] = [];
  #isTrusted = true;
  #goodInARow = 0;

  constructor(options: ParityWatchdogOptions = {}) {
    this.#window = options.window ?? 32;
    this.#minTrials = options.minTrials ?? 16;
    this.#divergedShare = options.divergedShare ?? 0.05;
    this.#recoveryTrials = options.recoveryTrials ?? 8;
  }

  /** False once tokens were found to diverge, until they agree again. */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** Trials that the share is made of. */
  get trials(): number {
    return this.#trials.length;
  }

  /** Share of expected blocks that were found; undefined before the first trial. */
  get share(): number | undefined {
    if (this.#trials.length === 0) return undefined;
    let known = 0;
    let expected = 0;
    for (const trial of this.#trials) {
      known += trial.knownBlocks;
      expected += trial.expectedBlocks;
    }
    return known / expected;
  }

  /** Takes a trial; says so where the verdict changes. */
  observe(trial: ParityTrial): 'diverged' | 'agreed' | undefined {
    this.#trials.push(trial);
    if (this.#trials.length > this.#window) this.#trials.shift();
    return this.#isTrusted ? this.#judge() : this.#recover(trial);
  }

  #judge(): 'diverged' | undefined {
    if (this.#trials.length < this.#minTrials || (this.share ?? 1) > this.#divergedShare) {
      return undefined;
    }
    this.#isTrusted = false;
    this.#goodInARow = 0;
    return 'diverged';
  }

  #recover({ knownBlocks, expectedBlocks }: ParityTrial): 'agreed' | undefined {
    this.#goodInARow = 2 * knownBlocks >= expectedBlocks ? this.#goodInARow + 1 : 0;
    if (this.#goodInARow < this.#recoveryTrials) return undefined;
    this.#isTrusted = true;
    // What was found before something was put right says nothing about the present.
    this.#trials = this.#trials.slice(-this.#recoveryTrials);
    return 'agreed';
  }
}
