// SPDX-License-Identifier: Apache-2.0
import { startSubject, type SubjectProcess } from './subject-process.ts';

/** Starts a gateway over `endpoints` (URLs) and resolves when it takes requests. */
export const startGateway = (
  endpoints: readonly string[],
  flags: readonly string[] = [],
): Promise<SubjectProcess> =>
  startSubject('gateway', [
    ...['--port', '0', '--log-level', 'error'],
    ...endpoints.flatMap((url) => ['--endpoint', url]),
    ...flags,
  ]);
