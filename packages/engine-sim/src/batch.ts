// SPDX-License-Identifier: Apache-2.0
import { BlockPool } from './block-pool.ts';
import { NONE } from './block-table.ts';
import { storedEvent, type KvEvent } from './kv-events.ts';
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

/**
 * Which sequences compute how many tokens in a step, and with which blocks: vLLM's scheduler without a clock.
 *
 * A step serves running sequences in order of admission, one token for those that decode and the rest of the token budget
 * for those still in prefill; then it admits waiting ones first come, first served, each reusing the cached blocks of its
 * prefix. When blocks run out the sequence admitted last gives up its own and goes back to the head of the queue; in such
 * a step nobody is admitted. The budget is split in chunks, so long prompts span steps and share them.
 */
export class Batch {
  readonly pool: BlockPool;
  readonly waiting = new WaitingQueue();
  /** In order of admission. */
  readonly running: Sequence[] = [];
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

  readonly #limits: BatchLimits;
  /** Changes of the cache since they were last collected; undefined when nobody asks for them. */
  readonly #events: KvEvent[] | undefined;
  readonly #activeLoras = new Map<string, number>();

  constructor(limits: BatchLimits, events: KvEvent[] | undefined) {
    this.#limits = limits;
    this.#events = events;
    this.pool = new BlockPool(limits.numGpuBlocks);
    if (events !== undefined) {
      this.pool.onEvict = (key) => {
        events.push({ kind: 'removed', keys: [key] });
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
    const preemptionsBefore = this.preemptions;
    const budget = this.#serveRunning();
    if (this.preemptions === preemptionsBefore) this.#admit(budget, nowMs);
    return work.prefillTokens + work.decodeSequences > 0;
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
    } else if (sequence.delay === undefined) {
      this.waiting.remove(sequence);
    }
    sequence.state = 'finished';
  }

  /** Empties the prefix cache if no block is in use; returns whether it did. */
  clearCache(): boolean {
    const cleared = this.pool.clear();
    if (cleared) this.#events?.push({ kind: 'cleared' });
    return cleared;
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
      if (budget <= 0 || this.running.length >= this.#limits.maxNumSeqs) return;
      next = sequence.next;
      if (this.isDeferred(sequence)) continue;
      const tokens = this.#tryAdmit(sequence, budget, nowMs);
      if (tokens === 0) return;
      budget -= tokens;
    }
  }

  /** True if the sequence waits for an adapter's place rather than for capacity. */
  isDeferred(sequence: Sequence): boolean {
    const { lora } = sequence.plan.request;
    if (lora === undefined || this.#activeLoras.has(lora)) return false;
    return this.#activeLoras.size >= this.#limits.maxLoras;
  }

  /** Tokens that the newly admitted sequence computes; 0 if its blocks do not fit. */
  #tryAdmit(sequence: Sequence, budget: number, nowMs: number): number {
    const size = this.#limits.blockSizeTokens;
    const total = sequence.promptLength + sequence.generated;
    // The last token is computed in any case: its output is the next token.
    const hits = this.#findPrefix(sequence, Math.floor((total - 1) / size));
    const tokens = Math.min(total - hits * size, budget);
    const needed = Math.ceil((hits * size + tokens) / size) - hits;
    let idleHits = 0;
    for (let i = 0; i < hits; i++) if (this.pool.isIdle(sequence.blocks[i] ?? NONE)) idleHits++;
    if (needed > this.pool.available - idleHits) return 0;

    for (let i = 0; i < hits; i++) this.pool.hold(sequence.blocks[i] ?? NONE);
    sequence.blockCount = hits;
    sequence.storedBlocks = hits;
    sequence.computed = hits * size;
    this.#take(sequence, needed);
    this.#enter(sequence, nowMs);
    this.#prefill(sequence, tokens);
    return tokens;
  }

  /** Puts the cached blocks of the sequence's prefix, at most `limit`, into its list without holding them. */
  #findPrefix(sequence: Sequence, limit: number): number {
    const { keys, blocks } = sequence;
    const last = Math.min(limit, keys.length);
    let hits = 0;
    for (; hits < last; hits++) {
      const block = this.pool.find(keys[hits] ?? NaN);
      if (block === NONE) break;
      blocks[hits] = block;
    }
    return hits;
  }

  #enter(sequence: Sequence, nowMs: number): void {
    this.waiting.remove(sequence);
    this.running.push(sequence);
    sequence.state = 'running';
    const { lora } = sequence.plan.request;
    if (lora !== undefined) this.#activeLoras.set(lora, (this.#activeLoras.get(lora) ?? 0) + 1);
    if (sequence.admittedMs !== undefined) return;
    sequence.admittedMs = nowMs;
    sequence.cachedTokens = sequence.computed;
    this.cacheQueries += sequence.promptLength;
    this.cacheHits += sequence.computed;
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
    const to = Math.min(Math.floor(sequence.computed / size), sequence.keys.length);
    for (let i = from; i < to; i++) {
      this.pool.store(sequence.blocks[i] ?? NONE, sequence.keys[i] ?? NaN);
    }
    sequence.storedBlocks = to;
    if (this.#events !== undefined && to > from) {
      this.#events.push(storedEvent(sequence, { from, to, blockSizeTokens: size }));
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
    const { lora } = sequence.plan.request;
    if (lora === undefined) return;
    const others = (this.#activeLoras.get(lora) ?? 1) - 1;
    if (others === 0) this.#activeLoras.delete(lora);
    else this.#activeLoras.set(lora, others);
  }
}
