// SPDX-License-Identifier: Apache-2.0
import { randomBelow, type Random } from '@llm-d/determinism';

/** A model that requests may be sent to instead. */
export interface RewriteTarget {
  readonly model: string;
  /** Share of the requests, relative to the other targets. Undefined: see {@link drawTarget}. */
  readonly weight?: number | undefined;
}

/** What becomes of requests for some models. */
export interface RewriteRule {
  /** Names it applies to, each exactly; empty: every request, also one that names no model. */
  readonly models: readonly string[];
  readonly targets: readonly RewriteTarget[];
}

/** An InferenceModelRewrite, as far as requests are concerned. */
export interface ModelRewrite {
  readonly name: string;
  /** Milliseconds since the Unix epoch: the older one wins where two say something about the same model. */
  readonly createdAtEpochMs: number;
  readonly rules: readonly RewriteRule[];
}

/** The rule that counts for a model, and the object it stands in. */
export interface EffectiveRule {
  readonly rewrite: string;
  readonly targets: readonly RewriteTarget[];
}

/** Finds the rule for the model a client named; `''` where it named none. */
export type RewriteTable = (model: string) => EffectiveRule | undefined;

/**
 * Merges rewrites as llm-d does: a rule that names the model goes before one for all models; among those the oldest
 * object's, by name where two are of an age, then the first in its list.
 */
export function mergeRewrites(rewrites: readonly ModelRewrite[]): RewriteTable {
  const exact = new Map<string, EffectiveRule>();
  let generic: EffectiveRule | undefined;
  const oldestFirst = rewrites.toSorted(
    (a, b) => a.createdAtEpochMs - b.createdAtEpochMs || (a.name < b.name ? -1 : 1),
  );
  for (const { name, rules } of oldestFirst) {
    for (const { models, targets } of rules) {
      const rule = { rewrite: name, targets };
      if (models.length === 0) generic ??= rule;
      for (const model of models) if (!exact.has(model)) exact.set(model, rule);
    }
  }
  return (model) => exact.get(model) ?? generic;
}

/**
 * Draws one of the targets by weight. Where some have a weight, those without one are never drawn; where none has, or
 * all weights are 0, every target is as likely. Undefined without targets.
 */
export function drawTarget(targets: readonly RewriteTarget[], random: Random): string | undefined {
  const total = targets.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (total === 0) return targets[randomBelow(random, Math.max(1, targets.length))]?.model;
  let left = randomBelow(random, total);
  for (const { model, weight = 0 } of targets) {
    if (left < weight) return model;
    left -= weight;
  }
  return undefined;
}
