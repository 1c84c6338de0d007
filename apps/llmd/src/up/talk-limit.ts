// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';

/** How long a program that has said something is not listened to when it says the same. */
const QUIET_MS = 10_000;
/** Sayings that are remembered. */
const REMEMBERED = 200;

/**
 * Whether a line of a program is worth showing: one that says the same of every request, as while a server is away, is
 * shown every ten seconds. Lines of JSON say the same when their messages do.
 */
export function createTalkLimit(clock: Clock): (program: string, line: string) => boolean {
  const shownMs = new Map<string, number>();
  return (program, line) => {
    const key = `${program} ${messageOf(line)}`;
    const nowMs = clock.nowMs();
    if (nowMs - (shownMs.get(key) ?? -Infinity) < QUIET_MS) return false;
    if (shownMs.size >= REMEMBERED) shownMs.clear();
    shownMs.set(key, nowMs);
    return true;
  };
}

function messageOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { msg, producer } = JSON.parse(line) as { msg?: unknown; producer?: unknown };
    return typeof msg === 'string' ? `${msg} ${String(producer)}` : line;
  } catch {
    return line;
  }
}
