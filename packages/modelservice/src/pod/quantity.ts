// SPDX-License-Identifier: Apache-2.0

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
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
  m: 1e-3,
  u: 1e-6,
  n: 1e-9,
};

/** A Kubernetes quantity in bytes, rounded up; 0 for text that is none. */
export function bytesOf(quantity: string | number): number {
  const [, amount = '', unit = ''] =
    /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(String(quantity)) ?? [];
  const bytes = Number(amount) * (UNITS[unit] ?? 0);
  return Number.isFinite(bytes) ? Math.ceil(bytes) : 0;
}
