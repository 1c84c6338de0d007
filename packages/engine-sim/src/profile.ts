// SPDX-License-Identifier: Apache-2.0
import { parse } from 'yaml';
import * as z from 'zod';

/** A number together with where it comes from: measured, fitted, derived, or a default of whom. */
const sourced = (value: z.ZodNumber) => z.strictObject({ value, source: z.string().min(3) });
const count = z.number().int().positive();
const amount = z.number().nonnegative();

const stepSchema = z.strictObject({
  baseMs: sourced(z.number().positive()),
  prefillTokensPerSecond: sourced(z.number().positive()),
  prefillQuadraticMsPerTokenSquared: sourced(amount),
  decodeBaseMs: sourced(amount),
  kvReadMsPerToken: sourced(amount),
  perSequenceMs: sourced(amount),
  perSequenceLimit: sourced(count),
  decodeShareWithPrefill: sourced(z.number().min(0).max(1)),
});

const profileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  model: z.string().min(1),
  hardware: z.string().min(1),
  tensorParallelSize: count,
  blockSizeTokens: sourced(count),
  numGpuBlocks: sourced(count),
  maxModelLen: sourced(count),
  maxNumBatchedTokens: sourced(count),
  maxNumSeqs: sourced(count),
  step: stepSchema,
});

/**
 * What a step costs. For a step that computes chunks of x tokens at contexts c and decodes n sequences:
 * `base + Σx / rate + quadratic · Σ x (c + x/2) + decodeBase + kvRead · Σ contexts of the n + perSequence · min(n, limit)`,
 * where `decodeBase` counts only if n > 0, and by {@link StepCosts.decodeShareWithPrefill} if the step also carries prefill.
 */
export interface StepCosts {
  /** Fixed cost of a step; above zero, so that time always moves. */
  readonly baseMs: number;
  readonly prefillTokensPerSecond: number;
  /** Attention of prefill, per token of the chunk and token of context. */
  readonly prefillQuadraticMsPerTokenSquared: number;
  /** Reading the weights once. */
  readonly decodeBaseMs: number;
  /** Reading one token's keys and values. */
  readonly kvReadMsPerToken: number;
  readonly perSequenceMs: number;
  /** Sequences beyond this many cost nothing more. */
  readonly perSequenceLimit: number;
  /** Share of `decodeBaseMs` that remains visible beside prefill, 0 to 1. */
  readonly decodeShareWithPrefill: number;
}

/** A model on a piece of hardware: its limits and what its steps cost. */
export interface EngineProfile {
  readonly name: string;
  readonly model: string;
  readonly hardware: string;
  readonly tensorParallelSize: number;
  readonly blockSizeTokens: number;
  /** KV blocks that fit in memory. */
  readonly numGpuBlocks: number;
  readonly maxModelLen: number;
  readonly maxNumBatchedTokens: number;
  readonly maxNumSeqs: number;
  readonly step: StepCosts;
}

/** A profile file that is not one. The message lists every fault with its path. */
export class ProfileError extends Error {
  readonly code = 'PROFILE_INVALID';
  /** The file or other origin of the text. */
  readonly origin: string;
  constructor(origin: string, faults: readonly string[], options?: ErrorOptions) {
    super(`${origin} is not an engine profile: ${faults.join('; ')}`, options);
    this.name = 'ProfileError';
    this.origin = origin;
  }
}

/** Reads the YAML text of a profile. `origin` names it in errors; unknown fields are errors. */
export function parseProfile(text: string, origin: string): EngineProfile {
  const result = profileSchema.safeParse(parseYaml(text, origin));
  if (!result.success) {
    throw new ProfileError(
      origin,
      result.error.issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`),
    );
  }
  const { step, name, model, hardware, tensorParallelSize, ...limits } = result.data;
  return {
    name,
    model,
    hardware,
    tensorParallelSize,
    blockSizeTokens: limits.blockSizeTokens.value,
    numGpuBlocks: limits.numGpuBlocks.value,
    maxModelLen: limits.maxModelLen.value,
    maxNumBatchedTokens: limits.maxNumBatchedTokens.value,
    maxNumSeqs: limits.maxNumSeqs.value,
    step: {
      baseMs: step.baseMs.value,
      prefillTokensPerSecond: step.prefillTokensPerSecond.value,
      prefillQuadraticMsPerTokenSquared: step.prefillQuadraticMsPerTokenSquared.value,
      decodeBaseMs: step.decodeBaseMs.value,
      kvReadMsPerToken: step.kvReadMsPerToken.value,
      perSequenceMs: step.perSequenceMs.value,
      perSequenceLimit: step.perSequenceLimit.value,
      decodeShareWithPrefill: step.decodeShareWithPrefill.value,
    },
  };
}

function parseYaml(text: string, origin: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new ProfileError(origin, [cause instanceof Error ? cause.message : String(cause)], {
      cause,
    });
  }
}
