// SPDX-License-Identifier: Apache-2.0
import { distributionOf } from './distribution.ts';
import type { ReportArm } from './report-schema.ts';
import type { RequestRecord } from './request-record.ts';

/** Enough for a smooth curve, and few enough for a small report. */
const CDF_POINTS = 200;
const TIME_BUCKETS = 30;

type Series = ReportArm['series'];

/** Points of the distribution function of the time to first token, in seconds, the greatest value included. */
export function ttftCdf(records: readonly RequestRecord[]): Series['ttft_cdf'] {
  const sorted = Float64Array.from(measured(records).map(({ ttftMs }) => ttftMs)).sort();
  const count = sorted.length;
  const points = Math.min(CDF_POINTS, count);
  return Array.from({ length: points }, (_, i) => {
    const rank = Math.ceil(((i + 1) * count) / points);
    return [(sorted[rank - 1] ?? 0) / 1000, rank / count];
  });
}

/** Mean and 95th percentile of the time to first token by intended instant, in equal spans of whole seconds. */
export function ttftOverTime(records: readonly RequestRecord[]): Series['ttft_over_time'] {
  const found = measured(records);
  const endMs = found.reduce((latest, { intendedAtMs }) => Math.max(latest, intendedAtMs), 0);
  const spanMs = Math.max(1, Math.ceil(endMs / 1000 / TIME_BUCKETS)) * 1000;
  const spans = new Map<number, number[]>();
  for (const { intendedAtMs, ttftMs } of found) {
    const span = Math.floor(intendedAtMs / spanMs);
    const inSpan = spans.get(span) ?? [];
    inSpan.push(ttftMs);
    spans.set(span, inSpan);
  }
  return [...spans]
    .sort(([a], [b]) => a - b)
    .map(([span, ttfts]) => {
      const distribution = distributionOf(ttfts);
      return {
        at_s: (span * spanMs) / 1000,
        requests: ttfts.length,
        mean: (distribution?.mean ?? 0) / 1000,
        p95: (distribution?.p95 ?? 0) / 1000,
      };
    });
}

/** Requests that went well and had a first token. */
const measured = (records: readonly RequestRecord[]) =>
  records.flatMap(({ failure, ttftMs, intendedAtMs }) =>
    failure === undefined && ttftMs !== undefined ? [{ ttftMs, intendedAtMs }] : [],
  );
