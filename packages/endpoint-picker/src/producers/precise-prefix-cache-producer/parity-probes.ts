// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Awaitable, KvMatches } from '@llm-d/kv-index';
import type { Completion, Endpoint, SchedulingCycle } from '@llm-d/scheduler-core';
import type { EndpointNames } from './endpoint-names.ts';
import type { ParityTrial } from './parity-watchdog.ts';

/** Probes that are under way at a time: enough for a verdict in seconds, and a bound on the keys that are kept. */
const MAX_PENDING = 64;
/** Time between an answer's end and the look at the index: events are sent in the step that computes a block. */
const SETTLE_MS = 1000;
/** What an engine's blocks are taken for that does not say; few are larger. */
const UNKNOWN_ENGINE_BLOCK_TOKENS = 256;

/** A prompt that was sent somewhere. */
export interface ProbedPrompt {
  /** Where its blocks are computed. */
  readonly endpoint: Endpoint;
  readonly keys: Uint32Array;
  readonly promptTokens: number;
}

/** What one probe found. */
export interface ParityFinding extends ParityTrial {
  /** Tokens that the prompt has here. */
  readonly promptTokens: number;
  /** Tokens that the engine counted; undefined where it did not say. */
  readonly enginePromptTokens: number | undefined;
  readonly engineBlockTokens: number | undefined;
}

export interface ParityProbesOptions {
  readonly clock: Clock;
  readonly names: EndpointNames;
  readonly blockSizeTokens: number;
  readonly lookup: (keys: Uint32Array) => Awaitable<KvMatches>;
  /** Whether events of an endpoint have all arrived, as far as can be told. */
  readonly isWhole: (endpoint: Endpoint) => boolean;
  readonly onFinding: (finding: ParityFinding) => void;
}

interface Probe extends ProbedPrompt {
  /** What the endpoint had stored when the prompt was sent. */
  readonly storedBefore: number;
  readonly expectedBlocks: number;
}

/**
 * Follows some of the requests to see whether their blocks turn up in the events of the engine that they were sent to.
 * A request of which nothing turned up counts only where the engine was heard of: it stored blocks meanwhile, or says
 * itself that it had the prompt cached.
 */
export class ParityProbes {
  readonly #options: ParityProbesOptions;
  readonly #pending = new Map<SchedulingCycle, Probe>();
  readonly #settling = new Map<Probe, Timer>();
  /** Blocks that each slot's engine has reported so far. */
  readonly #stored: number[] = [];

  constructor(options: ParityProbesOptions) {
    this.#options = options;
  }

  /** An engine stored blocks, whatever they were. */
  stored(slot: number, blocks: number): void {
    this.#stored[slot] = (this.#stored[slot] ?? 0) + blocks;
  }

  /** A request was placed. */
  placed(cycle: SchedulingCycle, prompt: ProbedPrompt): void {
    if (this.#pending.size + this.#settling.size >= MAX_PENDING) return;
    const expectedBlocks = expectedBlocksOf(prompt, this.#options.blockSizeTokens);
    if (expectedBlocks === 0) return;
    const storedBefore = this.#stored[prompt.endpoint.slot] ?? 0;
    this.#pending.set(cycle, { ...prompt, storedBefore, expectedBlocks });
  }

  /** Its answer is over. */
  completed(cycle: SchedulingCycle, completion: Completion): void {
    const probe = this.#pending.get(cycle);
    if (probe === undefined) return;
    this.#pending.delete(cycle);
    const { termination, status = 0 } = completion;
    if (termination !== 'natural' || status < 200 || status > 299) return;
    const timer = this.#options.clock.schedule(SETTLE_MS, () => {
      void this.#settle(probe, completion);
    });
    this.#settling.set(probe, timer);
  }

  /** The endpoint of a slot is gone. */
  forget(slot: number): void {
    this.#stored[slot] = 0;
    for (const [cycle, probe] of this.#pending) {
      if (probe.endpoint.slot === slot) this.#pending.delete(cycle);
    }
    for (const [probe, timer] of this.#settling) {
      if (probe.endpoint.slot !== slot) continue;
      timer.cancel();
      this.#settling.delete(probe);
    }
  }

  close(): void {
    this.#pending.clear();
    for (const timer of this.#settling.values()) timer.cancel();
    this.#settling.clear();
  }

  async #settle(probe: Probe, { usage }: Completion): Promise<void> {
    const { lookup, onFinding } = this.#options;
    let knownBlocks: number;
    try {
      knownBlocks = this.#knownBlocks(probe, await lookup(probe.keys));
    } catch {
      // An index that does not answer says nothing about tokens.
      return;
    } finally {
      this.#settling.delete(probe);
    }
    const { endpoint, expectedBlocks, promptTokens } = probe;
    if (knownBlocks === 0 && !this.#isTelling(probe, usage?.cachedTokens ?? 0)) return;
    onFinding({
      expectedBlocks,
      knownBlocks: Math.min(knownBlocks, expectedBlocks),
      promptTokens,
      enginePromptTokens: usage?.promptTokens,
      engineBlockTokens: endpoint.metrics.kvBlockSizeTokens,
    });
  }

  #knownBlocks({ endpoint }: Probe, { holders }: KvMatches): number {
    const { names } = this.#options;
    let most = 0;
    for (const { pod, dpRank, blocks } of holders) {
      if (names.slotsOf(pod, dpRank).includes(endpoint.slot)) most = Math.max(most, blocks);
    }
    return most;
  }

  /** Whether it means something that no block is known. */
  #isTelling({ endpoint, storedBefore }: Probe, cachedTokens: number): boolean {
    const hasStored = (this.#stored[endpoint.slot] ?? 0) > storedBefore;
    return (hasStored || cachedTokens > 0) && this.#options.isWhole(endpoint);
  }
}

/** Blocks of the index that lie in whole blocks of the engine. */
function expectedBlocksOf(
  { endpoint, promptTokens }: ProbedPrompt,
  blockSizeTokens: number,
): number {
  const engineBlock = endpoint.metrics.kvBlockSizeTokens ?? UNKNOWN_ENGINE_BLOCK_TOKENS;
  const tokens = Math.floor(promptTokens / engineBlock) * engineBlock;
  return Math.floor(tokens / blockSizeTokens);
}
