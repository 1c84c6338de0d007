// SPDX-License-Identifier: Apache-2.0
import type { KvEvent } from '../kv-events/kv-event.ts';
import { placeholderEvent, removedEvent, storedEvent } from '../kv-events/sequence-events.ts';
import type { Sequence } from '../sequence.ts';
import { LruTier } from './lru-tier.ts';
import {
  OffloadOptionsError,
  settleCosts,
  type OffloadOptions,
  type TransferCosts,
} from './offload-options.ts';
import type { SharedKvStorage } from './shared-kv-storage.ts';

/** vLLM's word for host memory. */
export const CPU_MEDIUM = 'CPU';

export interface OffloadTiersSettings {
  readonly blockSizeTokens: number;
  /** Transfers run this many times faster. */
  readonly timeScale: number;
  /** Where changes are reported, in order; undefined when nobody asks for them. */
  readonly events: KvEvent[] | undefined;
}

/** Leading blocks of a chain that tiers have, one after the other from whichever is faster. */
export interface OffloadMatch {
  readonly blocks: number;
  readonly cpuBlocks: number;
}

/**
 * The caches behind one engine's accelerator, as vLLM's offloading connector runs them: whole blocks are copied out when
 * they are computed, unless a tier has them; a prompt's blocks are copied in before it is computed, one transfer after
 * the other; what comes from storage stays in host memory.
 */
export class OffloadTiers {
  readonly cpu: LruTier | undefined;
  readonly shared: SharedKvStorage | undefined;
  readonly #settings: OffloadTiersSettings;
  readonly #promptOnly: boolean;
  readonly #selfDescribing: boolean;
  readonly #bytesPerBlock: number;
  readonly #cpuCosts: TransferCosts;
  readonly #sharedCosts: TransferCosts;
  /** When the transfers asked for so far have ended. */
  #channelFreeMs = -Infinity;

  /** @throws {@link OffloadOptionsError} */
  constructor(options: OffloadOptions, settings: OffloadTiersSettings) {
    const { cpu, shared, kvBytesPerToken = 131_072 } = options;
    if (cpu !== undefined && !(Number.isSafeInteger(cpu.blocks) && cpu.blocks >= 1)) {
      throw new OffloadOptionsError('cpu.blocks', cpu.blocks, 'a whole number from 1');
    }
    if (!(kvBytesPerToken > 0)) {
      throw new OffloadOptionsError('kvBytesPerToken', kvBytesPerToken, 'above 0');
    }
    this.cpu = cpu === undefined ? undefined : new LruTier(cpu.blocks);
    this.shared = shared?.storage;
    this.#settings = settings;
    this.#promptOnly = options.promptOnly ?? true;
    this.#selfDescribing = options.selfDescribingEvents ?? false;
    this.#bytesPerBlock = kvBytesPerToken * settings.blockSizeTokens;
    this.#cpuCosts = settleCosts('cpu', cpu ?? {}, { latencyMs: 0.5, bytesPerSecond: 25e9 });
    this.#sharedCosts = settleCosts('shared', shared ?? {}, { latencyMs: 5, bytesPerSecond: 2e9 });
  }

  /** What the tiers have of the chain from block `from` up to `limit` (exclusive), without a gap. */
  match(chain: Float64Array, from: number, limit: number): OffloadMatch {
    let at = from;
    let cpuBlocks = 0;
    for (; at < limit; at++) {
      const key = chain[at] ?? NaN;
      if (this.cpu?.has(key) === true) cpuBlocks++;
      else if (this.shared?.has(key) !== true) break;
    }
    return { blocks: at - from, cpuBlocks };
  }

  /** Notes that a prompt with these blocks is about to run. */
  touch(sequence: Sequence, blocks: number): void {
    this.cpu?.touch(sequence.keys, blocks);
  }

  /** Begins to copy matched blocks in, and returns when they are there. */
  load(match: OffloadMatch, nowMs: number): number {
    const sharedBlocks = match.blocks - match.cpuBlocks;
    const { timeScale } = this.#settings;
    const ms =
      this.#transferMs(this.#cpuCosts, match.cpuBlocks) +
      this.#transferMs(this.#sharedCosts, sharedBlocks);
    this.#channelFreeMs = Math.max(nowMs, this.#channelFreeMs) + ms / timeScale;
    return this.#channelFreeMs;
  }

  /** Notes that matched blocks have come in: those from storage stay in host memory too. */
  loaded(sequence: Sequence, from: number, match: OffloadMatch): void {
    if (match.blocks > match.cpuBlocks) this.#storeInCpu(sequence, from, from + match.blocks);
  }

  /** Copies out the sequence's blocks `from` to `to` (exclusive), as far as the tiers lack them. */
  store(sequence: Sequence, from: number, to: number): void {
    const promptBlocks = Math.floor(sequence.promptLength / this.#settings.blockSizeTokens);
    const end = this.#promptOnly ? Math.min(to, promptBlocks) : to;
    if (end <= from) return;
    this.#storeInCpu(sequence, from, end);
    this.#storeInShared(sequence, from, end);
  }

  #transferMs({ latencyMs, bytesPerSecond }: TransferCosts, blocks: number): number {
    return blocks === 0 ? 0 : latencyMs + (blocks * this.#bytesPerBlock * 1000) / bytesPerSecond;
  }

  #storeInCpu(sequence: Sequence, from: number, to: number): void {
    const { cpu } = this;
    if (cpu === undefined) return;
    const missing = indices(from, to).filter((i) => !cpu.has(sequence.keys[i] ?? NaN));
    if (missing.length === 0) return;
    const evicted = cpu.store(missing.map((i) => sequence.keys[i] ?? NaN));
    if (evicted === undefined) return;
    if (evicted.length > 0) this.#settings.events?.push(removedEvent(evicted, CPU_MEDIUM));
    this.#announce(sequence, missing, CPU_MEDIUM);
  }

  #storeInShared(sequence: Sequence, from: number, to: number): void {
    const { shared } = this;
    if (shared === undefined) return;
    const written = indices(from, to).filter((i) => shared.add(sequence.keys[i] ?? NaN));
    this.#announce(sequence, written, shared.medium);
  }

  #announce(sequence: Sequence, blocks: readonly number[], medium: string): void {
    const { events, blockSizeTokens } = this.#settings;
    if (events === undefined) return;
    for (const block of blocks) {
      events.push(
        this.#selfDescribing
          ? storedEvent(sequence, { from: block, to: block + 1, blockSizeTokens }, medium)
          : placeholderEvent(sequence.keys[block] ?? NaN, medium),
      );
    }
  }
}

const indices = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
