// SPDX-License-Identifier: Apache-2.0
import type { ScoreTraits } from '../../plugin-definition.ts';
import type { ResolvedProfile } from '../resolved-config.ts';
import type { LintFinding, ProfileLint } from './config-lint.ts';
import { definitionOf, pluginNamed, type LintContext } from './lint-context.ts';

/** How much a scorer can move a profile's decision. */
export interface ScoreInfluence {
  readonly plugin: string;
  readonly weight: number;
  readonly traits: ScoreTraits;
  /** Points between its worst and its best candidate: weight times the width of its range. */
  readonly swing: number;
  /** Its part of all swings of the profile, 0 to 1. */
  readonly share: number;
  /** Scorers that it outvotes alone when both are at their extremes. */
  readonly outweighs: readonly string[];
  /**
   * The fewest other scorers that outvote it together, all against it at their extremes. Undefined where even all
   * of them cannot: then it alone decides whenever it is at its extreme.
   */
  readonly outvotedBy: readonly string[] | undefined;
}

const DEFAULT_TRAITS: ScoreTraits = { range: [0, 1], scale: 'absolute' };

/** The scorers of a profile and what they can do to each other, the heaviest first. */
export function scoreInfluences(
  { scorers }: ResolvedProfile,
  context: LintContext,
): readonly ScoreInfluence[] {
  const weighed = scorers.map(({ plugin, weight }) => {
    const instance = pluginNamed(context, plugin);
    const definition = instance && definitionOf(context, instance);
    // The parameters went through this definition's own schema.
    const traits: ScoreTraits = definition?.scores?.(instance?.parameters) ?? DEFAULT_TRAITS;
    const [low, high] = traits.range;
    return { plugin, weight, traits, swing: Math.abs(weight) * (high - low) };
  });
  const total = weighed.reduce((sum, { swing }) => sum + swing, 0);
  const heaviestFirst = weighed.toSorted((a, b) => b.swing - a.swing);
  return heaviestFirst.map((scorer) => {
    const others = heaviestFirst.filter((other) => other !== scorer);
    return {
      ...scorer,
      share: total === 0 ? 0 : scorer.swing / total,
      outweighs: others.filter(({ swing }) => swing < scorer.swing).map(({ plugin }) => plugin),
      outvotedBy: coalition(others, scorer.swing),
    };
  });
}

/** The first of `others`, heaviest first, that are more than `swing` together. */
function coalition(
  others: readonly { readonly plugin: string; readonly swing: number }[],
  swing: number,
): readonly string[] | undefined {
  let sum = 0;
  for (const [i, other] of others.entries()) {
    sum += other.swing;
    if (sum > swing) return others.slice(0, i + 1).map(({ plugin }) => plugin);
  }
  return undefined;
}

/** What is odd about a profile's scorers and its picker. */
export function scoringFindings(profile: ProfileLint, context: LintContext): LintFinding[] {
  const { name, scorers } = profile;
  const findings: LintFinding[] = [];
  const add = (severity: LintFinding['severity'], subject: string, message: string): void => {
    findings.push({ severity, subject, message });
  };
  const picker = pluginNamed(context, profile.picker)?.type;
  const blind = picker === 'random-picker' || picker === 'round-robin-picker';
  if (blind && scorers.length > 0) {
    add('warning', profile.picker, `in profile ${name} it ignores scores, so no scorer has effect`);
  }
  if (!blind && scorers.length === 0) {
    add('note', name, 'no scorer: all candidates that the filters leave are equal');
  }
  for (const { plugin, weight, swing, outvotedBy, traits } of scorers) {
    if (weight === 0) add('warning', plugin, `weight 0 in profile ${name}: it has no effect`);
    if (weight < 0)
      add('warning', plugin, `weight ${weight} in profile ${name}: it prefers its worst candidate`);
    if (swing > 0 && outvotedBy === undefined && scorers.length > 1) {
      add(
        'note',
        plugin,
        `in profile ${name} nothing can outvote its ${swing} points: where it is at an extreme, the others only break ties`,
      );
    }
    if (traits.scale === 'relative' && swing > 0 && scorers.length > 1) {
      add(
        'note',
        plugin,
        `scores between the worst and the best candidate: in profile ${name} even the smallest difference is worth up to ${swing} points`,
      );
    }
  }
  return findings;
}
