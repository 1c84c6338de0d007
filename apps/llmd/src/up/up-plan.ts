// SPDX-License-Identifier: Apache-2.0
import type { EventRoute, GivenFleet, SimulatedFleet } from '../stack/local-stack.ts';
import { fleetOf, type SimulationFlags } from '../stack/simulation-flags.ts';

/** What `up` is told about what runs. */
export interface UpFlags extends SimulationFlags {
  readonly host: string;
  readonly port: number;
  readonly enginePort: number;
  readonly endpoint: readonly string[];
  readonly endpointsFile?: string;
  readonly config?: string;
  readonly prefix?: 'precise' | 'approximate';
  readonly nats?: string;
  readonly redis?: string;
  readonly table: boolean;
}

/** What will run. */
export interface UpPlan {
  readonly fleet: SimulatedFleet | GivenFleet;
  /** Name of a policy, or the path of a configuration. */
  readonly policy: string;
  readonly events: EventRoute | undefined;
}

/** Flags that contradict each other. */
export class UpFlagsError extends Error {
  readonly code = 'UP_FLAGS';
  constructor(message: string) {
    super(message);
    this.name = 'UpFlagsError';
  }
}

/**
 * What flags ask for. Simulated engines are followed precisely unless said otherwise: they publish their events anyway, and
 * render prompts for nothing. Servers that run already may do neither, so what they have cached is guessed unless asked for.
 * Throws {@link UpFlagsError}.
 */
export function planOf(flags: UpFlags): UpPlan {
  const { endpoint: endpoints, endpointsFile, nats, redis } = flags;
  const isGiven = endpoints.length > 0 || endpointsFile !== undefined;
  checkFlags(flags);
  const isPrecise = flags.prefix === 'precise' || nats !== undefined;
  const prefix = flags.prefix ?? (isPrecise || !isGiven ? 'precise' : 'approximate');
  const policy = flags.config ?? prefix;
  return {
    fleet: isGiven ? { kind: 'given', endpoints, endpointsFile } : fleetOf(flags, flags.enginePort),
    policy,
    events: policy === 'approximate' ? undefined : { natsUrl: nats, redisUrl: redis },
  };
}

function checkFlags({ config, prefix, nats, redis }: UpFlags): void {
  if (config !== undefined && prefix !== undefined) {
    throw new UpFlagsError('--prefix has no say beside --config; the configuration does');
  }
  if (redis !== undefined && nats === undefined) {
    throw new UpFlagsError('--redis needs --nats, where kv-indexer reads what engines publish');
  }
  if (nats !== undefined && prefix === 'approximate') {
    throw new UpFlagsError('--nats has no effect with --prefix approximate, which reads no events');
  }
}
