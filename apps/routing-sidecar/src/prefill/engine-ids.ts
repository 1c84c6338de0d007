// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { parseJsonText, type JsonText } from '@llm-d/inference-api';
import type { EngineIdentity } from '../connectors/connector.ts';

/** Which engines run behind a prefiller, remembered for a while: one that restarts has other ids. */
export interface EngineIds {
  /** One identity for every data-parallel rank. Rejects with what `ask` rejects with, or {@link NoEngineError}. */
  of(hostPort: string, signal: AbortSignal): Promise<readonly EngineIdentity[]>;
  /** A request to it went wrong: it may be another engine by now. */
  forget(hostPort: string): void;
}

export interface EngineIdsOptions {
  /** Gets a bootstrap server's answer to `GET /query`. */
  readonly ask: (hostPort: string, signal: AbortSignal) => Promise<Buffer>;
  readonly clock: Clock;
  /** How long an answer is believed. */
  readonly ttlMs: number;
  /** Prefillers that are remembered. Default 1024. */
  readonly maxServers?: number;
}

/** A bootstrap server answered what names no engine. */
export class NoEngineError extends Error {
  readonly code = 'NO_ENGINE';
  readonly target: string;
  constructor(target: string) {
    super(`the bootstrap server of ${target} names no engine`);
    this.name = 'NoEngineError';
    this.target = target;
  }
}

/** Knows nothing yet. */
export function createEngineIds({
  ask,
  clock,
  ttlMs,
  maxServers = 1024,
}: EngineIdsOptions): EngineIds {
  const known = new Map<
    string,
    { readonly untilMs: number; readonly ids: readonly EngineIdentity[] }
  >();
  return {
    of: async (hostPort, signal) => {
      const found = known.get(hostPort);
      if (found !== undefined && clock.nowMs() < found.untilMs) return found.ids;
      const ids = readEngineIds(await ask(hostPort, signal));
      if (ids.length === 0) throw new NoEngineError(hostPort);
      known.delete(hostPort);
      known.set(hostPort, { untilMs: clock.nowMs() + ttlMs, ids });
      const [oldest] = known.keys();
      if (known.size > maxServers && oldest !== undefined) known.delete(oldest);
      return ids;
    },
    forget: (hostPort) => {
      known.delete(hostPort);
    },
  };
}

/** Reads `{"<rank>": {"engine_id": "..."}}`; what is something else is left out. */
export function readEngineIds(answer: Buffer): readonly EngineIdentity[] {
  let parsed: JsonText;
  try {
    parsed = parseJsonText(answer.toString());
  } catch {
    return [];
  }
  if (!isRecord(parsed)) return [];
  return Object.entries(parsed).flatMap(([rank, entry]) => {
    const engineId = isRecord(entry) ? entry['engine_id'] : undefined;
    return typeof engineId === 'string' ? [{ rank, engineId }] : [];
  });
}

const isRecord = (value: JsonText): value is Readonly<Record<string, JsonText>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
