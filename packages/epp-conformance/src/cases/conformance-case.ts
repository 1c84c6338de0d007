// SPDX-License-Identifier: Apache-2.0
import type { SetupId } from '../subject/setup.ts';
import type { Bench } from './bench.ts';

/**
 * What a case means for conformance. `must`: without it a gateway or a client breaks. `should`: llm-d does it and
 * something may rely on it. `upstream-defect`: what a correct endpoint picker does where llm-d's does not; it counts for
 * nobody's conformance.
 */
export type Level = 'must' | 'should' | 'upstream-defect';

/** Subjects under which cases are reported, in this order. */
export const topics = [
  'routing',
  'headers',
  'body',
  'apis',
  'model',
  'candidates',
  'selection',
  'errors',
  'response',
  'robustness',
  'transport',
  'contract',
  'health',
  'metrics',
  'drain',
] as const;

export type Topic = (typeof topics)[number];

/** One thing that an endpoint picker does or does not. */
export interface ConformanceCase {
  /** `<topic>.<name>`. */
  readonly id: `${Topic}.${string}`;
  /** A sentence of behaviour. */
  readonly title: string;
  readonly level: Level;
  /** Default `default`. */
  readonly setup?: SetupId;
  /** Whether it ends the endpoint picker, so that it needs one of its own. Default false. */
  readonly endsSubject?: boolean;
  /** Longest it may take. Default 60,000. */
  readonly limitMs?: number;
  /**
   * Resolves when the endpoint picker does as the title says. Rejects with Difference where it does not, with NotJudged
   * where that cannot be found out here.
   */
  readonly run: (bench: Bench) => Promise<void>;
}

/** The topic of a case. */
export const topicOf = ({ id }: Pick<ConformanceCase, 'id'>): Topic =>
  // By the type of ids.
  id.slice(0, id.indexOf('.')) as Topic;
