// SPDX-License-Identifier: Apache-2.0
import { parseMetricsPage, type MetricsPage } from './metrics-page.ts';

/** `/metrics` did not answer as it should. */
export class MetricsError extends Error {
  readonly code = 'METRICS';
  readonly url: string;
  constructor(url: string, problem: string, options?: ErrorOptions) {
    super(`${url}: ${problem}`, options);
    this.name = 'MetricsError';
    this.url = url;
  }
}

/** Reads a `/metrics` page. Rejects with {@link MetricsError}. */
export async function fetchMetrics(url: string, waitMs: number): Promise<MetricsPage> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(waitMs) });
    text = await response.text();
  } catch (cause) {
    throw new MetricsError(url, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (response.status !== 200) throw new MetricsError(url, `HTTP status ${response.status}`);
  return parseMetricsPage(text);
}
