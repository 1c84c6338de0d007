// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import { cpuMsOf, machineBusyMs } from './process-accounts.ts';

/** What happened while a system under test was loaded for a while. */
export interface Window {
  readonly wallMs: number;
  /** CPU time of the system under test. */
  readonly cpuMs: number;
  /** Share of a core that the runner's own process used: the load generator. */
  readonly generatorCores: number;
  /** Cores that neither of the two used, but somebody did. */
  readonly foreignCores: number;
}

/** Watches process `pid` and this one for `durationMs`. */
export async function watch(pid: number, durationMs: number): Promise<Window> {
  const before = { at: performance.now(), cpu: cpuMsOf(pid), busy: machineBusyMs() };
  const own = process.cpuUsage();
  await pause(durationMs);
  const { user, system } = process.cpuUsage(own);
  const wallMs = performance.now() - before.at;
  const cpuMs = cpuMsOf(pid) - before.cpu;
  const ownMs = (user + system) / 1000;
  return {
    wallMs,
    cpuMs,
    generatorCores: ownMs / wallMs,
    foreignCores: Math.max(0, machineBusyMs() - before.busy - cpuMs - ownMs) / wallMs,
  };
}

/** A generator that uses more of its core than this may be what limits a rate. */
const HEADROOM = 0.9;
/** Cores used by strangers above which figures are to be doubted. */
const NOISE = 0.15;

/** What a reader of figures from these windows must know. */
export function remarksOn(windows: readonly Window[]): string[] {
  const most = (of: (window: Window) => number) => Math.max(...windows.map(of));
  const generator = most((window) => window.generatorCores);
  const foreign = most((window) => window.foreignCores);
  return [
    ...(generator > HEADROOM
      ? [
          `the load generator used ${generator.toFixed(2)} of its core: rates are lower bounds, CPU per item holds`,
        ]
      : []),
    ...(foreign > NOISE
      ? [`other processes used up to ${foreign.toFixed(2)} cores meanwhile`]
      : []),
  ];
}
