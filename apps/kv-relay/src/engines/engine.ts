// SPDX-License-Identifier: Apache-2.0
import { formatHostPort } from '@llm-d/scheduler-core';
import { rankEndpoint } from '@llm-d/kv-events/zmq';

/** One data-parallel rank of an engine: where it publishes its KV events. */
export interface EngineRank {
  readonly dpRank: number;
  readonly endpoint: string;
  /** Undefined where it cannot be asked for what was missed. */
  readonly replayEndpoint: string | undefined;
}

/** An engine whose events are relayed. */
export interface Engine {
  /** Where it serves, such as `10.0.0.1:8000`: what the bus knows it by. */
  readonly pod: string;
  /** What people call it. */
  readonly name: string;
  /** Who it is, for good: another one at the same address has another identity. */
  readonly identity: string;
  /** This life of it. Without `/` and `+`. */
  readonly epoch: string;
  readonly ranks: readonly EngineRank[];
}

/** Where engines publish unless they say otherwise. */
export interface EnginePorts {
  /** Events of rank 0; every rank adds its number. */
  readonly socketPort: number;
  /** Replays of rank 0; undefined for none. */
  readonly replayPort: number | undefined;
  readonly dpSize: number;
}

/** With these labels or annotations an engine says otherwise. Values are numbers. */
export const portKeys = {
  socketPort: 'llm-d.ai/kv-events-port',
  replayPort: 'llm-d.ai/kv-replay-port',
  dpSize: 'llm-d.ai/kv-dp-size',
} as const;

/** What an engine says of itself, over what holds for all. A value that is no number counts for nothing. */
export function portsOf(
  says: Readonly<Record<string, string | undefined>>,
  all: EnginePorts,
): EnginePorts {
  const number = (key: string): number | undefined => {
    const value = says[key];
    return value !== undefined && /^[1-9]\d{0,4}$/.test(value) ? Number(value) : undefined;
  };
  return {
    socketPort: number(portKeys.socketPort) ?? all.socketPort,
    replayPort: number(portKeys.replayPort) ?? all.replayPort,
    dpSize: number(portKeys.dpSize) ?? all.dpSize,
  };
}

/** The ranks of an engine at an address. Throws `KvEndpointError` where a rank has no port left. */
export function ranksAt(
  address: string,
  { socketPort, replayPort, dpSize }: EnginePorts,
): readonly EngineRank[] {
  const events = `tcp://${formatHostPort(address, socketPort)}`;
  const replays =
    replayPort === undefined ? undefined : `tcp://${formatHostPort(address, replayPort)}`;
  return Array.from({ length: dpSize }, (_, dpRank) => ({
    dpRank,
    endpoint: rankEndpoint(events, dpRank),
    replayEndpoint: replays === undefined ? undefined : rankEndpoint(replays, dpRank),
  }));
}

/** The engines that there are, kept up to date. */
export interface EngineDiscovery extends AsyncDisposable {
  /** Whether they are all known. */
  readonly isComplete: boolean;
}
