// SPDX-License-Identifier: Apache-2.0

interface PodLanes {
  /** What ended the pod's former life; every lane begins behind it. */
  end: Promise<void> | undefined;
  /** The last task of each rank. */
  readonly last: Map<number, Promise<void>>;
  /** Tasks that have not settled. */
  open: number;
}

/**
 * Runs tasks of one rank of a pod one after another, whatever becomes of them, and all others side by side. With one
 * message of a source under way at a time, none can overtake another that has to be tried again.
 */
export class PublishLanes {
  readonly #pods = new Map<string, PodLanes>();

  /** Pods that have tasks. */
  get size(): number {
    return this.#pods.size;
  }

  /** Behind the tasks of the same rank; without a rank behind all of the pod, and all later ones behind it. */
  run<T>(pod: string, rank: number | undefined, task: () => Promise<T>): Promise<T> {
    const lanes = this.#lanesOf(pod);
    const before =
      rank === undefined
        ? Promise.all([lanes.end, ...lanes.last.values()])
        : (lanes.last.get(rank) ?? lanes.end);
    const result = before === undefined ? task() : before.then(task);
    lanes.open++;
    const settled = (): void => {
      if (--lanes.open === 0) this.#pods.delete(pod);
    };
    const done = result.then(settled, settled);
    if (rank === undefined) {
      lanes.last.clear();
      lanes.end = done;
    } else lanes.last.set(rank, done);
    return result;
  }

  #lanesOf(pod: string): PodLanes {
    let lanes = this.#pods.get(pod);
    if (lanes === undefined) {
      lanes = { end: undefined, last: new Map(), open: 0 };
      this.#pods.set(pod, lanes);
    }
    return lanes;
  }
}
