// SPDX-License-Identifier: Apache-2.0

/**
 * A number as Go's Prometheus client writes it (`strconv.FormatFloat(value, 'g', -1, 64)`), so that bounds of buckets,
 * which are label values, are the same text: `1.048576e+06`, not `1048576`.
 */
export function goNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  const magnitude = Math.abs(value);
  if (value === 0 || (magnitude >= 1e-4 && magnitude < 1e6)) return String(value);
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
