// SPDX-License-Identifier: Apache-2.0
import { BlockPool } from './block-pool.ts';
import { NONE } from './block-table.ts';
import type { KvEvent } from './kv-events/kv-event.ts';
import { removedEvent, storedEvent } from './kv-events/sequence-events.ts';
import type { OffloadMatch, OffloadTiers } from './offload/offload-tiers.ts';
import { WaitingQueue, type Sequence } from './sequence.ts';
import type { StepWork } from './step-time.ts';

export interface BatchLimits {
  readonly blockSizeTokens: number;
  readonly numGpuBlocks: number;
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  /** Different adapters in one batch; requests for a further one wait while others pass them. */
  readonly maxLoras: number;
}

/** What a batch has to do with the world around it. */
export interface BatchSurroundings {
  /** Where changes of caches are reported, in order; undefined when nobody asks for them. */
  readonly events: KvEvent[] | undefined;
  readonly offload: OffloadTiers | undefined;
}

/** What vLLM calls the accelerator's memory in events. */
export const GPU_MEDIUM = 'GPU';

/**
 * Which sequences compute how many tokens in a step, and with which blocks: vLLM's scheduler without a clock.
 *
 * A step serves running sequences in order of admission, one token for those that decode and the rest of the token budget
 * for those still in prefill; then it admits waiting ones first come, first served, each reusing the cached blocks of its
 * prefix. When blocks run out the sequence admitted last gives up its own and goes back to the head of the queue; in such
 * a step nobody is admitted. The budget is split in chunks, so long prompts span steps and share them.
 *
 * A prompt that goes on in an offload tier gets its blocks and runs once they are loaded; others run meanwhile.
 */
export class Batch {
  readonly pool: BlockPool;
  readonly waiting = new WaitingQueue();
  /** In order of admission. */
  readonly running: Sequence[] = [];
  /** Admitted, and waiting for blocks on their way from offload tiers; in order of admission. */
  readonly loading: Sequence[] = [];
  /** Work of the step planned last. */
  readonly work: StepWork = {
    prefillTokens: 0,
    prefillContext: 0,
    decodeSequences: 0,
    decodeContext: 0,
  };
  /** Sequences that go back to waiting, since the start. */
  preemptions = 0;
  /** Prompt tokens looked up and found in the prefix cache, since the start. */
  cacheQueries = 0;
  cacheHits = 0;
  /** Prompt tokens looked up in offload tiers, and found in host memory and in shared storage. */
  offloadQueries = 0;
  cpuHits = 0;
  sharedHits = 0;

  readonly #limits: BatchLimits;
  readonly #events: KvEvent[] | undefined;
  readonly #offload: OffloadTiers | undefined;
  readonly #activeLoras = new Map<string, number>();

  constructor(limits: BatchLimits, { events, offload }: BatchSurroundings) {
    this.#limits = limits;
    this.#events = events;
    this.#offload = offload;
    this.pool = new BlockPool(limits.numGpuBlocks);
    if (events !== undefined) {
      this.pool.onEvict = (key) => {
        events.push(removedEvent([key], GPU_MEDIUM));
      };
    }
  }

  /** Plans a step: assigns blocks, counts tokens as computed and fills {@link work}. False if there is nothing to do. */
  plan(nowMs: number): boolean {
    const { work } = this;
    work.prefillTokens = 0;
    work.prefillContext = 0;
    work.decodeSequences = 0;
    work.decodeContext = 0;
    if (this.loading.length > 0) this.#collectLoaded(nowMs);
    const preemptionsBefore = this.preemptions;
    const budget = this.#serveRunning();
    if (this.preemptions === preemptionsBefore) this.#admit(budget, nowMs);
    return work.prefillTokens + work.decodeSequences > 0;
  }

  /** When the next load ends; Infinity without any. */
  get nextLoadedMs(): number {
    return this.loading.reduce((least, { loadedMs }) => Math.min(least, loadedMs), Infinity);
  }

  /**
   * Ends the planned step: each sequence whose tokens are all computed gets its next one and is put into `generated`;
   * those that thereby end leave the batch.
   */
  complete(generated: Sequence[]): void {
    const { running } = this;
    let kept = 0;
    for (const sequence of running) {
      if (sequence.inStep) {
        sequence.inStep = false;
        if (sequence.computed === sequence.promptLength + sequence.generated) {
          sequence.generated++;
          generated.push(sequence);
          if (sequence.generated === sequence.outputLength) {
            this.#leave(sequence);
            sequence.state = 'finished';
            continue;
          }
        }
      }
      running[kept++] = sequence;
    }
    running.length = kept;
  }

  /** Takes a sequence out, wherever it is, and frees its blocks. */
  remove(sequence: Sequence): void {
    if (sequence.state === 'running') {
      this.running.splice(this.running.indexOf(sequence), 1);
      this.#leave(sequence);
    } else if (sequence.state === 'loading') {
      this.loading.splice(this.loading.indexOf(sequence), 1);
      this.#leave(sequence);
    } else if (sequence.delay === undefined) {
      this.waiting.remove(sequence);
    }
    sequence.state = 'finished';
  }

  /** Empties the prefix cache if no block is in use, with host memory if so asked; returns whether it did. */
  clearCache({ offload = false } = {}): boolean {
    const cleared = this.pool.clear();
    if (!cleared) return false;
    if (offload) this.#offload?.cpu?.clear();
    this.#events?.push({ kind: 'cleared' });
    return true;
  }

  /** Gives running sequences their tokens; returns what is left of the budget. */
  #serveRunning(): number {
    const { running, work } = this;
    let budget = this.#limits.maxNumBatchedTokens;
    for (let i = 0; i < running.length && budget > 0; i++) {
      const sequence = running[i] as Sequence;
      const total = sequence.promptLength + sequence.generated;
      const tokens = Math.min(total - sequence.computed, budget);
      if (!this.#makeRoom(sequence, sequence.computed + tokens)) break;
      budget -= tokens;
      if (sequence.generated > 0 && sequence.computed === total - 1) {
        work.decodeSequences++;
        work.decodeContext += total;
        this.#advance(sequence, 1);
      } else {
        this.#prefill(sequence, tokens);
      }
    }
    return budget;
  }

  /** Blocks for the first `tokens` tokens, at the expense of the youngest sequences. False if it was itself the youngest. */
  #makeRoom(sequence: Sequence, tokens: number): boolean {
    const size = this.#limits.blockSizeTokens;
    if (tokens <= sequence.blockCount * size) return true;
    const needed = Math.ceil(tokens / size) - sequence.blockCount;
    while (this.pool.available < needed) {
      const victim = this.running.at(-1) as Sequence;
      this.#preempt(victim);
      if (victim === sequence) return false;
    }
    this.#take(sequence, needed);
    return true;
  }

  #preempt(victim: Sequence): void {
    this.running.pop();
    this.#leave(victim);
    victim.state = 'waiting';
    victim.preemptions++;
    this.preemptions++;
    this.waiting.pushFront(victim);
  }

  #admit(budget: number, nowMs: number): void {
    let next: Sequence | undefined;
    for (let sequence = this.waiting.head; sequence !== undefined; sequence = next) {
      const places = this.#limits.maxNumSeqs - this.running.length - this.loading.length;
      if (budget <= 0 || places <= 0) return;
      next = sequence.next;
      if (this.isDeferred(sequence)) continue;
      const tokens = this.#tryAdmit(sequence, budget, nowMs);
      if (tokens === undefined) return;
      budget -= tokens;
    }
  }

  /** True if the sequence waits for an adapter's place or for its blocks to load rather than for capacity. */
  isDeferred(sequence: Sequence): boolean {
    if (sequence.state === 'loading') return true;
    const { lora } = sequence.plan.request;
    if (lora === undefined || this.#activeLoras.has(lora)) return false;
    return this.#activeLoras.size >= this.#limits.maxLoras;
  }

  /** Tokens that the newly admitted sequence computes in this step; undefined if its blocks do not fit. */
  #tryAdmit(sequence: Sequence, budget: number, nowMs: number): number | undefined {
    const size = this.#limits.blockSizeTokens;
    const total = sequence.promptLength + sequence.generated;
    // The last token is computed in any case: its output is the next token.
    const limit = Math.min(Math.floor((total - 1) / size), sequence.keys.length);
    const hits = this.#findPrefix(sequence, limit);
    const loads = this.#offload?.match(sequence.keys, hits, limit);
    const tokens = loads?.blocks ? 0 : Math.min(total - hits * size, budget);
    const needed = loads?.blocks ? loads.blocks : Math.ceil((hits * size + tokens) / size) - hits;
    let idleHits = 0;
    for (let i = 0; i < hits; i++) if (this.pool.isIdle(sequence.blocks[i] ?? NONE)) idleHits++;
    if (needed > this.pool.available - idleHits) return undefined;

    for (let i = 0; i < hits; i++) this.pool.hold(sequence.blocks[i] ?? NONE);
    sequence.blockCount = hits;
    sequence.storedBlocks = hits;
    sequence.computed = hits * size;
    this.#take(sequence, needed);
    this.#enter(sequence);
    this.#offload?.touch(sequence, limit);
    if (loads?.blocks) this.#load(sequence, loads, nowMs);
    else {
      this.#run(sequence, nowMs);
      this.#prefill(sequence, tokens);
    }
    return tokens;
  }

  /** Puts the cached blocks of the sequence's prefix, at most `limit`, into its list without holding them. */
  #findPrefix(sequence: Sequence, limit: number): number {
    const { keys, blocks } = sequence;
    let hits = 0;
    for (; hits < limit; hits++) {
      const block = this.pool.find(keys[hits] ?? NaN);
      if (block === NONE) break;
      blocks[hits] = block;
    }
    return hits;
  }

  #enter(sequence: Sequence): void {
    this.waiting.remove(sequence);
    const { lora } = sequence.plan.request;
    if (lora !== undefined) this.#activeLoras.set(lora, (this.#activeLoras.get(lora) ?? 0) + 1);
  }

  #load(sequence: Sequence, loads: OffloadMatch, nowMs: number): void {
    sequence.state = 'loading';
    sequence.loads = loads;
    sequence.loadedMs = this.#offload?.load(loads, nowMs) ?? nowMs;
    this.loading.push(sequence);
  }

  /** Sequences whose blocks have come in run from here on, and their blocks can be found. */
  #collectLoaded(nowMs: number): void {
    const { loading } = this;
    let kept = 0;
    for (const sequence of loading) {
      const { loads, loadedMs } = sequence;
      if (loads === undefined || loadedMs > nowMs) {
        loading[kept++] = sequence;
        continue;
      }
      const from = sequence.storedBlocks;
      this.#run(sequence, nowMs);
      sequence.computed += loads.blocks * this.#limits.blockSizeTokens;
      this.#storeFilled(sequence);
      this.#offload?.loaded(sequence, from, loads);
      sequence.loads = undefined;
    }
    loading.length = kept;
  }

  #run(sequence: Sequence, nowMs: number): void {
    this.running.push(sequence);
    sequence.state = 'running';
    if (sequence.admittedMs !== undefined) return;
    sequence.admittedMs = nowMs;
    const size = this.#limits.blockSizeTokens;
    const { blocks = 0, cpuBlocks = 0 } = sequence.loads ?? {};
    sequence.offloadedTokens = blocks * size;
    sequence.cachedTokens = sequence.computed + sequence.offloadedTokens;
    this.cacheQueries += sequence.promptLength;
    this.cacheHits += sequence.computed;
    if (this.#offload === undefined) return;
    this.offloadQueries += sequence.promptLength - sequence.computed;
    this.cpuHits += cpuBlocks * size;
    this.sharedHits += (blocks - cpuBlocks) * size;
  }

  #prefill(sequence: Sequence, tokens: number): void {
    this.work.prefillTokens += tokens;
    this.work.prefillContext += tokens * (sequence.computed + tokens / 2);
    this.#advance(sequence, tokens);
  }

  #take(sequence: Sequence, count: number): void {
    for (let i = 0; i < count; i++) sequence.blocks[sequence.blockCount++] = this.pool.take();
  }

  /** Counts tokens as computed and makes blocks that they fill findable, as vLLM does when it schedules them. */
  #advance(sequence: Sequence, tokens: number): void {
    sequence.inStep = true;
    sequence.computed += tokens;
    const size = this.#limits.blockSizeTokens;
    if ((sequence.storedBlocks + 1) * size > sequence.computed) return;
    const from = sequence.storedBlocks;
    this.#storeFilled(sequence);
    this.#offload?.store(sequence, from, sequence.storedBlocks);
  }

  #storeFilled(sequence: Sequence): void {
    const size = this.#limits.blockSizeTokens;
    const from = sequence.storedBlocks;
    const to = Math.min(Math.floor(sequence.computed / size), sequence.keys.length);
    for (let i = from; i < to; i++) {
      this.pool.store(sequence.blocks[i] ?? NONE, sequence.keys[i] ?? NaN);
    }
    sequence.storedBlocks = to;
    if (this.#events !== undefined && to > from) {
      const range = { from, to, blockSizeTokens: size };
      this.#events.push(storedEvent(sequence, range, GPU_MEDIUM));
    }
  }

  /** Frees a running sequence's blocks, the last one first: a prefix outlives what follows it. */
  #leave(sequence: Sequence): void {
    for (let i = sequence.blockCount - 1; i >= 0; i--) {
      this.pool.release(sequence.blocks[i] ?? NONE);
    }
    sequence.blockCount = 0;
    sequence.storedBlocks = 0;
    sequence.computed = 0;
    sequence.inStep = false;
    sequence.loads = undefined;
    const { lora } = sequence.plan.request;
    if (lora === undefined) return;
    const others = (this.#activeLoras.get(lora) ?? 1) - 1;
    if (others === 0) this.#activeLoras.delete(lora);
    else this.#activeLoras.set(lora, others);
  }
}
