// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Credentials } from './connection.ts';

type Headers = Readonly<Record<string, string>>;

/** How long headers are used before they are read again: tokens of pods are replaced long before they end. */
const FRESH_MS = 10_000;

/** Credentials that are read again every ten seconds of `clock`, and at once when the server refuses them. */
export function rotatingCredentials(read: () => Promise<Headers>, clock: Clock): Credentials {
  let headers: Headers = {};
  let readAtMs = -Infinity;
  const refresh = async (): Promise<boolean> => {
    const before = headers;
    headers = await read();
    readAtMs = clock.nowMs();
    return JSON.stringify(before) !== JSON.stringify(headers);
  };
  return {
    headers: async () => {
      if (clock.nowMs() - readAtMs >= FRESH_MS) await refresh();
      return headers;
    },
    renew: refresh,
  };
}
