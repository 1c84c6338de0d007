// SPDX-License-Identifier: Apache-2.0
import { KvBusError } from '@llm-d/kv-events';

/** Something outside must be changed before this program can start. */
export class StartError extends Error {
  readonly code = 'START';
  constructor(problem: string, cause: unknown) {
    super(`${problem}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'StartError';
  }
}

/** Codes of errors that say what an operator must change. */
const KNOWN = new Set(['START', 'INVALID_ENDPOINTS_FILE', 'KUBE_CONFIG']);

/** What an operator should read about a failed start; undefined for errors that are bugs. */
export function startError(error: unknown): string | undefined {
  if (error instanceof KvBusError) return error.message;
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return KNOWN.has(String(error.code)) ? error.message : undefined;
}
