// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Awaitable, KvMatches } from '@llm-d/kv-index';
import type { Completion, Endpoint, SchedulingCycle } from '@llm-d/scheduler-core';
import type { EndpointNames } from './endpoint-names.ts';
import type { SharedSpeculation, SpeculationExchange } from './kv-event-sources.ts';
import type { PromptKeys } from './prompt-keys.ts';
import { Speculation, type SpeculativeEntry } from './speculation.ts';

/** Most prompts that are remembered; at two seconds each this is 5,000 requests a second. */
export const MAX_SPECULATIVE_ENTRIES = 10_000;
/** Entries of an engine that are looked at when it reports blocks: enough to keep up, and a bound on the work. */
const CONFIRMED_AT_ONCE = 4;

export interface SpeculativePlacementOptions {
  readonly clock: Clock;
  readonly names: EndpointNames;
  readonly ttlMs: number;
  readonly blockSizeTokens: number;
  readonly lookup: (keys: Uint32Array) => Awaitable<KvMatches>;
  readonly exchange: SpeculationExchange | undefined;
  /** Told how many entries there are, where that has changed. */
  readonly onSize: (entries: number) => void;
}

/** Believes for a while that blocks are where their request was sent. */
export class SpeculativePlacement {
  readonly #options: SpeculativePlacementOptions;
  readonly #entries = new Speculation({ maxEntries: MAX_SPECULATIVE_ENTRIES });
  /** What a request that is under way has put here. */
  readonly #byCycle = new WeakMap<SchedulingCycle, SpeculativeEntry[]>();
  readonly #unlisten: (() => void) | undefined;

  constructor(options: SpeculativePlacementOptions) {
    this.#options = options;
    this.#unlisten = options.exchange?.onSpeculation((told) => {
      this.#told(told);
    });
  }

  /** Entries that have not ended, the oldest in front. */
  entries(): readonly SpeculativeEntry[] {
    this.#expire();
    return [...this.#entries.entries()];
  }

  /** How many leading blocks of a prompt are believed to be in a slot; {@link refresh} must have been called. */
  coveredBlocks(slot: number, keys: Uint32Array): number {
    return this.#entries.coveredBlocks(slot, keys);
  }

  /** Drops what has ended. To be called before a request's lookups. */
  refresh(): void {
    this.#expire();
  }

  endpointRemoved({ slot }: Endpoint): void {
    this.#entries.clear(slot);
    this.#tellSize();
  }

  /** A request was sent somewhere. */
  placed(cycle: SchedulingCycle, endpoint: Endpoint, prompts: readonly PromptKeys[]): void {
    const { clock, ttlMs, exchange, blockSizeTokens } = this.#options;
    const engineBlock = endpoint.metrics.kvBlockSizeTokens ?? blockSizeTokens;
    const perEngineBlock = Math.max(1, Math.round(engineBlock / blockSizeTokens));
    const untilMs = clock.nowMs() + ttlMs;
    const own = this.#byCycle.get(cycle) ?? [];
    const shared = { requestId: cycle.request.id, slot: endpoint.slot, untilMs };
    for (const { keys, blocks } of prompts) {
      // An engine never reports the part of a prompt that does not fill a block of its own.
      const confirmingBlock = Math.floor(blocks / perEngineBlock) * perEngineBlock - 1;
      const entry = { ...shared, keys, confirmingBlock };
      this.#entries.add(entry);
      own.push(entry);
      exchange?.publishSpeculation({ endpoint: endpoint.hostPort, keys, ttlMs });
    }
    this.#byCycle.set(cycle, own);
    this.#tellSize();
  }

  /** Its answer is over. Where that went wrong the blocks may never have been computed. */
  completed(cycle: SchedulingCycle, { termination, status = 500 }: Completion): void {
    const own = this.#byCycle.get(cycle);
    this.#byCycle.delete(cycle);
    if (own === undefined || (termination === 'natural' && status < 400)) return;
    for (const entry of own) this.#entries.delete(entry);
    this.#tellSize();
  }

  /** An engine reported blocks. Entries of which it now has the last whole block are knowledge, not belief. */
  stored(slot: number): void {
    let looked = 0;
    for (const entry of this.#entries.entriesOf(slot)) {
      if (++looked > CONFIRMED_AT_ONCE) break;
      if (this.#isConfirmed(entry)) this.#entries.delete(entry);
    }
    if (looked > 0) this.#tellSize();
  }

  close(): void {
    this.#unlisten?.();
  }

  #isConfirmed({ keys, slot, confirmingBlock: block }: SpeculativeEntry): boolean {
    const { lookup, names } = this.#options;
    if (block < 0) return false;
    const found = lookup(keys.subarray(2 * block, 2 * block + 2));
    if (found instanceof Promise) {
      found.catch(() => undefined);
      return false;
    }
    return found.holders.some(({ pod, dpRank }) => names.slotsOf(pod, dpRank).includes(slot));
  }

  /** Another replica has sent a request somewhere. */
  #told({ endpoint, keys, ttlMs }: SharedSpeculation): void {
    const { clock, names, ttlMs: own } = this.#options;
    const [slot] = names.slotsOf(endpoint, 0);
    if (slot === undefined) return;
    // Ends must not be out of order; a replica with another setting is believed for ours.
    const untilMs = clock.nowMs() + (ttlMs > 0 ? own : 0);
    const confirmingBlock = (keys.length >>> 1) - 1;
    this.#entries.add({ requestId: '', slot, keys, untilMs, confirmingBlock });
    this.#tellSize();
  }

  #expire(): void {
    const before = this.#entries.size;
    this.#entries.expire(this.#options.clock.nowMs());
    if (this.#entries.size !== before) this.#tellSize();
  }

  #tellSize(): void {
    this.#options.onSize(this.#entries.size);
  }
}
