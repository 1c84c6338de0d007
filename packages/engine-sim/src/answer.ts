// SPDX-License-Identifier: Apache-2.0
import { createRandom, exponential, randomBelow, type Random } from '@llm-d/determinism';
import type { EngineRequest } from './request.ts';
import { writeWords } from './vocabulary.ts';

export interface Answer {
  readonly tokens: Uint32Array;
  readonly finish: 'stop' | 'length';
}

export interface AnswerOptions {
  readonly mode: 'random' | 'echo';
  readonly meanOutputTokens: number;
  /** Most tokens the answer may have, at least 1. */
  readonly limit: number;
}

/** What a request will be answered with, decided when it arrives. */
export function planAnswer(request: EngineRequest, random: Random, options: AnswerOptions): Answer {
  const { limit } = options;
  const echo = options.mode === 'echo' ? request.promptTokens : undefined;
  const given = request.outputTokens ?? echo;
  if (given !== undefined && given.length > 0) return cut(given, request.ignoreEos === true, limit);
  const dice = request.seed === undefined ? random : createRandom(request.seed);
  const drawn = 1 + Math.floor(exponential(dice, options.meanOutputTokens - 1));
  const length = request.ignoreEos === true ? limit : Math.max(1, Math.min(drawn, limit));
  const tokens = writeWords(randomBelow(dice, 2 ** 32), length);
  return { tokens, finish: length === limit ? 'length' : 'stop' };
}

/** The given answer up to `limit`; with `fill` it starts over until the limit is reached. */
function cut(given: Uint32Array, fill: boolean, limit: number): Answer {
  if (given.length >= limit) return { tokens: given.subarray(0, limit), finish: 'length' };
  if (!fill) return { tokens: given, finish: 'stop' };
  const tokens = new Uint32Array(limit).map((_, i) => given[i % given.length] ?? 0);
  return { tokens, finish: 'length' };
}
