// SPDX-License-Identifier: Apache-2.0

/** The prompt lengths that an endpoint is meant for, in tokens, both ends included. */
export interface ContextRange {
  readonly min: number;
  readonly max: number;
}

/** Reads `<min>-<max>`; undefined for anything else. */
export function parseContextRange(text: string): ContextRange | undefined {
  const [, low, high] = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(text) ?? [];
  const range = { min: Number(low), max: Number(high) };
  return range.min <= range.max ? range : undefined;
}

/** Whether a prompt of `tokens` belongs to the range. */
export const isInRange = (tokens: number, { min, max }: ContextRange): boolean =>
  tokens >= min && tokens <= max;

/** Score below which every endpoint outside its range stays, and above which every one inside. */
const BORDER = 0.3;
/** Width at which a range loses half of what it gets for being narrow. */
const WIDTH_SCALE_TOKENS = 10_000;
/** Distance at which an endpoint outside loses half. */
const DISTANCE_SCALE_TOKENS = 1000;

/**
 * How well a range suits a prompt: narrow ranges and room above the prompt within, nearness outside. Within
 * [0, 1]; every range that contains the prompt beats every one that does not.
 */
export function scoreRange(tokens: number, range: ContextRange): number {
  const { min, max } = range;
  if (!isInRange(tokens, range)) {
    const distance = tokens > max ? tokens - max : min - tokens;
    return BORDER / (1 + distance / DISTANCE_SCALE_TOKENS);
  }
  const width = max - min;
  if (width === 0) return 1;
  const narrowness = 1 / (1 + width / WIDTH_SCALE_TOKENS);
  const room = (max - tokens) / width;
  return BORDER + (1 - BORDER) * (0.7 * narrowness + 0.3 * room);
}
