// SPDX-License-Identifier: Apache-2.0
import type { SharedKvStorage } from './shared-kv-storage.ts';

/** What a transfer into the accelerator's memory takes: latency, and bytes by bandwidth. Engines have one channel each. */
export interface TransferCosts {
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
}

/** Caches behind the accelerator's memory. Blocks go there when they are computed, and come back when a prompt needs them. */
export interface OffloadOptions {
  /** Host memory of this engine, least recently used blocks given up first. Default costs: 0.5 ms and 25 GB/s (PCIe 4 x16). */
  readonly cpu?: { readonly blocks: number } & Partial<TransferCosts>;
  /** Storage of the fleet. Default costs: 5 ms and 2 GB/s (a file system over 16 Gbit/s). */
  readonly shared?: { readonly storage: SharedKvStorage } & Partial<TransferCosts>;
  /** Size of a token's keys and values. Default 131,072 bytes, those of an 8B model. */
  readonly kvBytesPerToken?: number;
  /** Blocks of answers stay in the accelerator's memory; vLLM's `offload_prompt_only`. Default true. */
  readonly promptOnly?: boolean;
  /**
   * Events of these tiers have tokens, parents and extra keys; vLLM's `self_describing_kv_events`. Default false: one
   * event a block with its hash alone and block size 0.
   */
  readonly selfDescribingEvents?: boolean;
}

/** Offload options that make no sense. */
export class OffloadOptionsError extends RangeError {
  readonly code = 'OFFLOAD_OPTIONS_INVALID';
  readonly option: string;
  constructor(option: string, value: number, rule: string) {
    super(`offload ${option} must be ${rule}, got ${value}`);
    this.name = 'OffloadOptionsError';
    this.option = option;
  }
}

/** Costs with defaults applied. @throws {@link OffloadOptionsError} */
export function settleCosts(
  tier: string,
  given: Partial<TransferCosts>,
  defaults: TransferCosts,
): TransferCosts {
  const { latencyMs = defaults.latencyMs, bytesPerSecond = defaults.bytesPerSecond } = given;
  if (!(latencyMs >= 0 && latencyMs < Infinity)) {
    throw new OffloadOptionsError(`${tier}.latencyMs`, latencyMs, 'from 0');
  }
  if (!(bytesPerSecond > 0)) {
    throw new OffloadOptionsError(`${tier}.bytesPerSecond`, bytesPerSecond, 'above 0');
  }
  return { latencyMs, bytesPerSecond };
}
