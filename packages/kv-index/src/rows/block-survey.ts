// SPDX-License-Identifier: Apache-2.0
import type { KvIndexRows, KvRowHolder } from './index-rows.ts';
import { type KvWalkedRow, walkKvRows } from './row-walk.ts';

/** What one rank of a pod holds. */
export interface KvHolderSurvey {
  readonly pod: string;
  readonly dpRank: number;
  readonly model: string;
  readonly everywhere: boolean;
  /** Different blocks. */
  readonly blocks: number;
  /** Those that nobody else has. */
  readonly onlyHere: number;
  readonly byTier: Readonly<Record<string, number>>;
}

/** Where the blocks of an index are. */
export interface KvBlockSurvey {
  readonly blocks: number;
  /** Blocks by tier; one in two tiers counts in both. */
  readonly byTier: Readonly<Record<string, number>>;
  /** How many blocks have so many holders, from 1 on: the first number is of blocks that one holder has. */
  readonly byHolders: readonly number[];
  readonly holders: readonly KvHolderSurvey[];
}

/** A count that goes up at most once for each row. */
interface Tally {
  readonly name: string;
  blocks: number;
  /** The row that was counted last. */
  row: number;
}

interface HolderTally extends Tally {
  readonly head: Pick<KvHolderSurvey, 'pod' | 'dpRank' | 'model' | 'everywhere'>;
  onlyHere: number;
  readonly tiers: Tally[];
}

/**
 * Counts where the blocks are, in slices of some milliseconds, about a second for four million blocks. Rejects with the
 * signal's reason.
 */
export async function surveyKvBlocks(
  rows: KvIndexRows,
  signal?: AbortSignal,
): Promise<KvBlockSurvey> {
  const survey = new Survey(rows);
  await walkKvRows(
    rows,
    (row) => {
      survey.count(row);
      return true;
    },
    signal,
  );
  return survey.result();
}

class Survey {
  readonly #holders = new Map<number, HolderTally>();
  readonly #tiers: Tally[] = [];
  readonly #byHolders: number[] = [];
  #row = 0;

  /** Holders that have nothing are part of the picture. */
  constructor(rows: KvIndexRows) {
    for (const holder of rows.directory().holders) this.#tallyOf(holder);
  }

  count({ owners }: KvWalkedRow): void {
    this.#row++;
    let holders = 0;
    let last: HolderTally | undefined;
    for (const { holder, tier } of owners) {
      const tally = this.#tallyOf(holder);
      if (this.#countIn(tally)) holders++;
      this.#countIn(tallyNamed(tally.tiers, tier));
      this.#countIn(tallyNamed(this.#tiers, tier));
      last = tally;
    }
    if (holders === 1 && last !== undefined) last.onlyHere++;
    this.#byHolders[holders - 1] = (this.#byHolders[holders - 1] ?? 0) + 1;
  }

  result(): KvBlockSurvey {
    return {
      blocks: this.#row,
      byTier: blocksByName(this.#tiers),
      byHolders: Array.from(this.#byHolders, (blocks?: number) => blocks ?? 0),
      holders: Array.from(this.#holders.values(), ({ head, blocks, onlyHere, tiers }) => ({
        ...head,
        ...{ blocks, onlyHere },
        byTier: blocksByName(tiers),
      })),
    };
  }

  /** True the first time within a row. */
  #countIn(tally: Tally): boolean {
    if (tally.row === this.#row) return false;
    tally.row = this.#row;
    tally.blocks++;
    return true;
  }

  #tallyOf({ life, source }: KvRowHolder): HolderTally {
    const known = this.#holders.get(life);
    if (known !== undefined) return known;
    const { pod, dpRank, model, everywhere = false } = source;
    const head = { pod, dpRank, model, everywhere };
    const tally = { head, name: pod, blocks: 0, row: 0, onlyHere: 0, tiers: [] };
    this.#holders.set(life, tally);
    return tally;
  }
}

/** Tiers are few: looking through a list costs less than hashing their names. */
function tallyNamed(tallies: Tally[], name: string): Tally {
  for (const tally of tallies) if (tally.name === name) return tally;
  const tally = { name, blocks: 0, row: 0 };
  tallies.push(tally);
  return tally;
}

const blocksByName = (tallies: readonly Tally[]): Record<string, number> =>
  Object.fromEntries(tallies.map(({ name, blocks }) => [name, blocks]));
