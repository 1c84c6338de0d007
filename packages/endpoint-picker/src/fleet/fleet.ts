// SPDX-License-Identifier: Apache-2.0
import {
  unknownMetrics,
  type Endpoint,
  type EndpointIdentity,
  type EndpointListener,
  type EngineMetrics,
} from '@llm-d/scheduler-core';

/** Why an endpoint takes no new requests at the moment. */
export interface Ejection {
  /** Clock reading (ms) until which it is left out. */
  readonly untilMs: number;
  readonly reason: string;
}

/** A request's claim on an endpoint, from the pick to the end of the answer. */
export interface Placement {
  readonly endpoint: Endpoint;
  /** Gives the claim back. Calling it again does nothing. */
  release(): void;
}

/**
 * The model servers known at the moment. The only place where endpoints are added, measured and removed;
 * everybody else sees immutable snapshots.
 */
export interface Fleet {
  /** All members in the order of discovery. The same array until something changes. */
  snapshot(): readonly Endpoint[];
  get(id: string): Endpoint | undefined;
  /**
   * Makes the membership equal to `identities`. A member whose address or port changed is removed and added anew, because
   * its cache and load are not the old one's; one whose labels changed keeps everything else.
   */
  reconcile(identities: readonly EndpointIdentity[]): void;
  /** Claims an endpoint for a request. Counts as reserved until metrics taken later arrive. */
  place(endpoint: Endpoint): Placement;
  /**
   * Starts a measurement of a member; metrics given to `complete` cover all placements made before.
   * Undefined for an unknown id.
   */
  measure(id: string): { complete(metrics: EngineMetrics): void } | undefined;
  /**
   * Keeps scalars of a member among the custom ones of its metrics, whatever metrics arrive, until others are given or it
   * leaves. Does nothing for an unknown id.
   */
  keepScalars(id: string, scalars: Readonly<Record<string, number>>): void;
  /** Leaves a member out of {@link routable} until the ejection ends or is lifted. */
  eject(id: string, ejection: Ejection): void;
  /** Ends an ejection, if there is one. */
  restore(id: string): void;
  ejectionOf(id: string): Ejection | undefined;
  /** Members that are not ejected. */
  healthy(nowMs: number): readonly Endpoint[];
  /**
   * Members that may take a request now: the healthy ones. When all are ejected, all of them: a guess
   * may succeed, no candidate never does.
   */
  routable(nowMs: number): readonly Endpoint[];
  /** Follows membership; current members are announced at once. Returns how to stop. */
  listen(listener: EndpointListener): () => void;
  /**
   * Calls back after anything that may make room for a request or take it: fresh metrics, members that came or went, an
   * ejection or its end. Returns how to stop.
   */
  watch(callback: () => void): () => void;
}

/** An empty fleet. */
export function createFleet(): Fleet {
  return new MutableFleet();
}

interface Member {
  endpoint: Endpoint;
  /** Its place in the order of discovery; -1 once it has left, which claims and measurements may outlive. */
  index: number;
  /** Sequence number of the last placement. */
  placed: number;
  /** Placements that no metrics show yet, in ascending order of their numbers. */
  readonly unseen: Set<number>;
  ejection: Ejection | undefined;
  /** Beside those of its engine. */
  scalars: Readonly<Record<string, number>> | undefined;
}

class MutableFleet implements Fleet {
  readonly #members = new Map<string, Member>();
  readonly #listeners = new Set<EndpointListener>();
  readonly #watchers = new Set<() => void>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #ejected = 0;
  /** The members' endpoints in their order. Replaced rather than changed once somebody has seen it. */
  #endpoints: Endpoint[] = [];
  #isShared = false;

  snapshot(): readonly Endpoint[] {
    this.#isShared = true;
    return this.#endpoints;
  }

  get(id: string): Endpoint | undefined {
    return this.#members.get(id)?.endpoint;
  }

  reconcile(identities: readonly EndpointIdentity[]): void {
    const wanted = new Map(identities.map((identity) => [identity.id, identity]));
    const gone: Member[] = [];
    for (const [id, member] of this.#members) {
      const identity = wanted.get(id);
      if (identity?.hostPort !== member.endpoint.hostPort) gone.push(member);
      else if (!sameLabels(member.endpoint, identity)) this.#relabel(member, identity.labels);
    }
    if (gone.length > 0) this.#remove(gone);
    for (const identity of wanted.values()) {
      if (!this.#members.has(identity.id)) this.#add(identity);
    }
    this.#tell();
  }

  place(endpoint: Endpoint): Placement {
    const member = this.#members.get(endpoint.id);
    // The endpoint may have left the fleet while the request was prepared.
    if (member?.endpoint.slot !== endpoint.slot) return { endpoint, release: () => undefined };
    const sequence = ++member.placed;
    member.unseen.add(sequence);
    this.#refresh(member);
    return {
      endpoint,
      release: () => {
        if (member.unseen.delete(sequence)) this.#refresh(member);
      },
    };
  }

  measure(id: string): { complete(metrics: EngineMetrics): void } | undefined {
    const member = this.#members.get(id);
    if (member === undefined) return undefined;
    const covered = member.placed;
    return {
      complete: (metrics) => {
        for (const sequence of member.unseen) {
          if (sequence > covered) break;
          member.unseen.delete(sequence);
        }
        this.#refresh(member, metrics);
        this.#tell();
      },
    };
  }

  keepScalars(id: string, scalars: Readonly<Record<string, number>>): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    member.scalars = { ...member.scalars, ...scalars };
    this.#refresh(member);
  }

  eject(id: string, ejection: Ejection): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    if (member.ejection === undefined) this.#ejected++;
    member.ejection = ejection;
    this.#tell();
  }

  restore(id: string): void {
    if (this.#lift(id)) this.#tell();
  }

  /** Ends an ejection; false where there is none. */
  #lift(id: string): boolean {
    const member = this.#members.get(id);
    if (member?.ejection === undefined) return false;
    member.ejection = undefined;
    this.#ejected--;
    return true;
  }

  ejectionOf(id: string): Ejection | undefined {
    return this.#members.get(id)?.ejection;
  }

  healthy(nowMs: number): readonly Endpoint[] {
    if (this.#ejected === 0) return this.snapshot();
    const open: Endpoint[] = [];
    for (const { endpoint, ejection } of this.#members.values()) {
      if (ejection === undefined || ejection.untilMs <= nowMs) open.push(endpoint);
    }
    return open;
  }

  routable(nowMs: number): readonly Endpoint[] {
    const healthy = this.healthy(nowMs);
    return healthy.length > 0 ? healthy : this.snapshot();
  }

  listen(listener: EndpointListener): () => void {
    this.#listeners.add(listener);
    for (const endpoint of this.snapshot()) listener.endpointAdded?.(endpoint);
    return () => this.#listeners.delete(listener);
  }

  watch(callback: () => void): () => void {
    // Its own, so that one function can watch twice.
    const watcher = (): void => {
      callback();
    };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #add(identity: EndpointIdentity): void {
    const endpoint: Endpoint = {
      id: identity.id,
      namespace: identity.namespace,
      name: identity.name,
      rank: identity.rank,
      address: identity.address,
      port: identity.port,
      hostPort: identity.hostPort,
      labels: identity.labels,
      slot: this.#freeSlots.pop() ?? this.#slots++,
      metrics: unknownMetrics,
      reservedRequests: 0,
    };
    this.#members.set(identity.id, {
      endpoint,
      placed: 0,
      index: this.#unshared().push(endpoint) - 1,
      unseen: new Set(),
      ejection: undefined,
      scalars: undefined,
    });
    for (const listener of this.#listeners) listener.endpointAdded?.(endpoint);
  }

  #remove(gone: readonly Member[]): void {
    for (const member of gone) {
      this.#lift(member.endpoint.id);
      this.#members.delete(member.endpoint.id);
      member.index = -1;
    }
    this.#endpoints = [];
    this.#isShared = false;
    for (const member of this.#members.values()) {
      member.index = this.#endpoints.push(member.endpoint) - 1;
    }
    for (const { endpoint } of gone) {
      for (const listener of this.#listeners) listener.endpointRemoved?.(endpoint);
      // Freed last: a listener that is told of the removal still finds its state under the slot.
      this.#freeSlots.push(endpoint.slot);
    }
  }

  #relabel(member: Member, labels: Endpoint['labels']): void {
    member.endpoint = { ...member.endpoint, labels };
    this.#unshared()[member.index] = member.endpoint;
    for (const listener of this.#listeners) listener.endpointRelabelled?.(member.endpoint);
  }

  #refresh(member: Member, measured: EngineMetrics = member.endpoint.metrics): void {
    const { scalars } = member;
    const metrics =
      scalars === undefined
        ? measured
        : { ...measured, custom: { ...measured.custom, ...scalars } };
    member.endpoint = { ...member.endpoint, metrics, reservedRequests: member.unseen.size };
    if (member.index >= 0) this.#unshared()[member.index] = member.endpoint;
  }

  /** The list, as one that nobody has seen and that may be changed. */
  #unshared(): Endpoint[] {
    if (this.#isShared) this.#endpoints = this.#endpoints.slice();
    this.#isShared = false;
    return this.#endpoints;
  }
}

function sameLabels({ labels: a }: EndpointIdentity, { labels: b }: EndpointIdentity): boolean {
  if (a === b) return true;
  const labels = Object.entries(a);
  return (
    labels.length === Object.keys(b).length && labels.every(([key, value]) => b[key] === value)
  );
}
