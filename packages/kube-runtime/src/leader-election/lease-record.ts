// SPDX-License-Identifier: Apache-2.0
import type { ObjectKey } from '../client/resource-path.ts';
import type { Lease } from '../built-in-types.ts';

/** What candidates agree on through a lease. */
export interface LeaseRecord {
  /** Who leads; empty where the last leader has let go. */
  readonly holder: string;
  /** How long after its last renewal the others must wait. */
  readonly durationMs: number;
  /** Microseconds in RFC 3339, of the holder's wall clock: for people, never compared. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often the leader has changed; greater for every later leader. */
  readonly transitions: number;
}

/** Reads what others wrote, whatever they left out. */
export const recordOf = ({ spec }: Lease): LeaseRecord => ({
  holder: spec?.holderIdentity ?? '',
  durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
  acquireTime: spec?.acquireTime ?? '',
  renewTime: spec?.renewTime ?? '',
  transitions: spec?.leaseTransitions ?? 0,
});

/** The lease with a record: a new one, or `base` with all else that it has. */
export function leaseOf(record: LeaseRecord, { name, namespace }: ObjectKey, base?: Lease): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: base?.metadata ?? { name, ...(namespace !== undefined && { namespace }) },
    spec: {
      ...base?.spec,
      holderIdentity: record.holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(record.durationMs / 1000)),
      acquireTime: record.acquireTime,
      renewTime: record.renewTime,
      leaseTransitions: record.transitions,
    },
  };
}

/** A time as leases have it: microseconds, of which ours are whole milliseconds. */
export const microTime = (epochMs: number): string =>
  new Date(epochMs).toISOString().replace('Z', '000Z');
