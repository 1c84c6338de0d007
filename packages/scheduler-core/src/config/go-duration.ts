// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const WHOLE = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Milliseconds of a Go duration: text as `time.ParseDuration` takes it ("200ms", "1m30s", "0"), or a
 * whole number of nanoseconds as Go's JSON has it. Undefined for anything else.
 */
export function parseGoDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value / 1e6 : undefined;
  if (/^[-+]?0$/.test(value)) return 0;
  if (!WHOLE.test(value)) return undefined;
  let ms = 0;
  for (const [, amount = '', unit = ''] of value.matchAll(PART)) {
    ms += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return value.startsWith('-') ? -ms : ms;
}

const EXPECTED = 'expected a duration such as "200ms" or "1m30s", or a whole number of nanoseconds';

/** A configuration field that is a Go duration of at least 0; its value is in milliseconds. */
export const goDuration = z
  .union([z.string(), z.number()], { error: EXPECTED })
  .transform((value, context) => {
    const ms = parseGoDuration(value);
    if (ms !== undefined && ms >= 0) return ms;
    context.issues.push({ code: 'custom', message: EXPECTED, input: value });
    return z.NEVER;
  });
