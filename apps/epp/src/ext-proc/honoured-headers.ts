// SPDX-License-Identifier: Apache-2.0
import type { ResolvedConfig } from '@llm-d/scheduler-core';

/** Plugin types that read a header which otherwise only the platform may set, and that header. */
const READ_BY: Readonly<Record<string, (parameters: unknown) => string>> = {
  'header-profile-handler': (parameters) => headerNameOf(parameters) ?? 'epp-profile',
  'header-based-testing-filter': () => 'test-epp-endpoint-selection',
};

/**
 * Platform headers that a configuration makes the client's to send: whoever installs a plugin that reads one wants it
 * to be read.
 */
export function honouredHeadersOf({
  plugins,
}: Pick<ResolvedConfig, 'plugins'>): ReadonlySet<string> {
  const names = plugins.flatMap(({ type, parameters }) => READ_BY[type]?.(parameters) ?? []);
  return new Set(names.map((name) => name.toLowerCase()));
}

function headerNameOf(parameters: unknown): string | undefined {
  if (typeof parameters !== 'object' || parameters === null || !('headerName' in parameters)) {
    return undefined;
  }
  return typeof parameters.headerName === 'string' ? parameters.headerName : undefined;
}
