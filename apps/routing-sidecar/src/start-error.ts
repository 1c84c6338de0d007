// SPDX-License-Identifier: Apache-2.0

/** Codes of errors that say what an operator must change. */
const KNOWN: ReadonlySet<string> = new Set(['CERTIFICATE', 'FLAG', 'KUBE_CONFIG', 'LISTEN']);

/** What an operator should read about a failed start; undefined for errors that are bugs. */
export function startError(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return KNOWN.has(String(error.code)) ? error.message : undefined;
}
