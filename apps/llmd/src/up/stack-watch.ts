// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { readIndex } from './index-reading.ts';
import { readGateway, readMembers, readServer } from './stack-metrics.ts';
import { viewOf, type ProgramRow, type StackReading, type StackView } from './stack-view.ts';

export interface StackWatchOptions {
  readonly gatewayUrl: string;
  readonly clock: Clock;
  /** The body of a GET, or a rejection. */
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Buffer>;
  /** What runs beside engines and gateway. Default nothing. */
  readonly programs?: () => readonly ProgramRow[];
  readonly onView: (view: StackView) => void;
  /** Default 1000. */
  readonly intervalMs?: number;
}

/** How far back rates and percentiles look. */
const WINDOW_MS = 10_000;

/** Looks at a stack again and again and tells what it sees. Returns how to stop. */
export function watchStack(options: StackWatchOptions): { stop(): void } {
  const { clock, intervalMs = 1000 } = options;
  const stopping = new AbortController();
  const readings: StackReading[] = [];
  let timer: Timer | undefined;

  const look = async (): Promise<void> => {
    const reading = await readStack(options, stopping.signal);
    if (stopping.signal.aborted) return;
    while (readings.length > 1 && reading.atMs - (readings[0]?.atMs ?? 0) > WINDOW_MS)
      readings.shift();
    options.onView(viewOf(readings[0], reading));
    readings.push(reading);
    timer = clock.schedule(intervalMs, () => void look());
  };
  void look();
  return {
    stop: () => {
      stopping.abort();
      timer?.cancel();
    },
  };
}

async function readStack(options: StackWatchOptions, stopped: AbortSignal): Promise<StackReading> {
  const { gatewayUrl, clock, fetch } = options;
  const timeout = new AbortController();
  const limit = clock.schedule(1000, () => {
    timeout.abort();
  });
  const signal = AbortSignal.any([timeout.signal, stopped]);
  const read = async <T>(url: string, parse: (text: Buffer) => T): Promise<T | undefined> => {
    try {
      return parse(await fetch(url, signal));
    } catch {
      // A server that is down is shown as such.
      return undefined;
    }
  };
  const servers = (await read(`${gatewayUrl}/debug/endpoints`, readMembers)) ?? [];
  const [gateway, index, ...answers] = await Promise.all([
    read(`${gatewayUrl}/metrics`, readGateway),
    read(`${gatewayUrl}/debug/plugins/state`, (text) => readIndex(text, servers)),
    ...servers.map(
      async ({ name, address }) =>
        [name, await read(`http://${address}/metrics`, readServer)] as const,
    ),
  ]);
  limit.cancel();
  const programs = options.programs?.() ?? [];
  return { atMs: clock.nowMs(), gateway, index, servers: new Map(answers), programs };
}
