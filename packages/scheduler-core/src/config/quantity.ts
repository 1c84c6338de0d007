// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const SUFFIX: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const QUANTITY = /^([-+]?(?:\d+\.?\d*|\.\d+))(?:([eE][-+]?\d+)|([KMGTPE]i|[numkMGTPE]))?$/;

/** The number that a Kubernetes quantity ("1G", "512Mi", "5k", "1e3") stands for, or undefined. */
export function parseQuantity(value: string | number): number | undefined {
  if (typeof value === 'number') return value;
  const [whole, amount = '', exponent = '', suffix = ''] = QUANTITY.exec(value) ?? [];
  if (whole === undefined) return undefined;
  return Number(amount + exponent) * (SUFFIX[suffix] ?? 1);
}

const EXPECTED = 'expected a quantity such as "1G", "512Mi" or 5000';

/** A configuration field that is a Kubernetes quantity of at least 0. */
export const quantity = z
  .union([z.string(), z.number()], { error: EXPECTED })
  .transform((value, context) => {
    const parsed = parseQuantity(value);
    if (parsed !== undefined && parsed >= 0) return parsed;
    context.issues.push({ code: 'custom', message: EXPECTED, input: value });
    return z.NEVER;
  });
