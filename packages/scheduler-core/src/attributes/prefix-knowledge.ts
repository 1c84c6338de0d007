// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';

/** How well the index behind prefix matches knew the engines' caches. */
export interface PrefixFreshness {
  /** Whether everything that had been published was applied. */
  readonly isCaughtUp: boolean;
  /** Time (ms) since the source that was silent for the longest was heard; undefined without sources. */
  readonly oldestMs: number | undefined;
  readonly sources: number;
  /** Sources of which nothing is missing. */
  readonly wholeSources: number;
  /** Batches of events that will never come. */
  readonly lostBatches: number;
}

/** On what grounds a producer of prefix matches spoke, or why it did not. */
export interface PrefixKnowledge {
  /** `events`: what the engines report. `approximate`: where earlier prompts were sent. `none`: there are no matches. */
  readonly basis: 'events' | 'approximate' | 'none';
  /** Why not on events, or why they may be wrong; for people. */
  readonly note?: string;
  /** Absent where no index was asked, or none says. */
  readonly freshness?: PrefixFreshness;
}

/** Default producer: `precise-prefix-cache-producer`. */
export const prefixKnowledge = (
  producer = 'precise-prefix-cache-producer',
): Attribute<PrefixKnowledge> => attribute('PrefixKnowledge', producer);
