// SPDX-License-Identifier: Apache-2.0
import type { ServiceLevel } from '@llm-d/workload';
import { BenchError } from './bench-error.ts';

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/;

/** Milliseconds of `1500ms`, `90s`, `5m`, `1h`; a bare number is seconds. */
export function parseDurationMs(text: string): number {
  const [, number, unit = 's'] = DURATION.exec(text) ?? [];
  if (number === undefined) {
    throw new BenchError('BAD_OPTION', `"${text}" is not a duration such as 90s, 5m or 1500ms`);
  }
  // The pattern admits no other unit.
  return Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS];
}

/** A number above 0. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new BenchError('BAD_OPTION', `"${text}" is not a number above 0`);
}

/** A whole number of at least 0. */
export function parseWhole(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new BenchError('BAD_OPTION', `"${text}" is not a whole number`);
}

/** A service level written as `ttft=2s,tpot=50ms`, either of which may be missing. */
export function parseServiceLevel(text: string): ServiceLevel {
  const level: { ttftMs?: number; tpotMs?: number } = {};
  for (const part of text.split(',')) {
    const [name, value = ''] = part.split('=');
    if (name === 'ttft') level.ttftMs = parseDurationMs(value);
    else if (name === 'tpot') level.tpotMs = parseDurationMs(value);
    else throw new BenchError('BAD_OPTION', `"${part}" is not ttft=… or tpot=…`);
  }
  return level;
}

/** Parameters written as `name=number`, added to those before. */
export function addParameter(
  text: string,
  before: Readonly<Record<string, number>> = {},
): Readonly<Record<string, number>> {
  const [, name, value] = /^([a-z][a-z-]*)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (name === undefined) {
    throw new BenchError('BAD_OPTION', `"${text}" is not like groups=8: a name and a number`);
  }
  return { ...before, [name]: Number(value) };
}

/** Names between commas, none empty, none twice. */
export function parseNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('') || new Set(names).size < names.length) {
    throw new BenchError('BAD_OPTION', `"${text}" is not a list of different names`);
  }
  return names;
}
