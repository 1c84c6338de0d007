// SPDX-License-Identifier: Apache-2.0
import { startSubject, type SubjectProcess } from './subject-process.ts';

/** Starts a routing sidecar beside a decode server and resolves when it takes requests. */
export const startSidecar = (
  modelServerPort: number,
  flags: readonly string[] = [],
): Promise<SubjectProcess> =>
  startSubject('routing-sidecar', [
    ...['--port=0', '--secure-serving=false', '--drain-timeout=0s', '--zap-log-level=error'],
    `--model-server-port=${modelServerPort}`,
    ...flags,
  ]);
