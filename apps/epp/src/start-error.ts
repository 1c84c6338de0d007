// SPDX-License-Identifier: Apache-2.0
import { ConfigError } from '@llm-d/scheduler-core';

/** Codes of errors that say what an operator must change. */
const KNOWN = new Set([
  'CERTIFICATE',
  'CONFIG_FILE',
  'FLAG',
  'INVALID_ENDPOINTS_FILE',
  'INVALID_METRIC_SPEC',
  'KUBE_CONFIG',
  'LATENCY_PREDICTOR_SETTINGS',
  'LISTEN',
  'NO_DISCOVERY',
  'TWO_DISCOVERIES',
  'UNKNOWN_ENGINE',
]);

/** What an operator should read about a failed start; undefined for errors that are bugs. */
export function startError(error: unknown): string | undefined {
  if (error instanceof ConfigError) return error.message;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return KNOWN.has(String(error.code)) ? error.message : undefined;
}
