// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '@llm-d/scheduler-core';

const NOBODY: readonly number[] = [];

/**
 * Finds the endpoints that an index means by a pod and a data-parallel rank. Engines call themselves by the address and
 * port of their first rank, by their address, or by the pod's name; a name that several pods share means none of them.
 *
 * Where the ranks of a pod are endpoints of their own, each is one rank. A pod with a single endpoint spreads its
 * requests over its ranks by itself, so it stands for all of them.
 */
export class EndpointNames {
  readonly #byHostPort = new Map<string, Endpoint>();
  /** Endpoints of each pod, and pods by their less exact names. */
  readonly #pods = new Map<string, Endpoint[]>();
  readonly #podsCalled = new Map<string, Set<string>>();
  /** What was found, until membership changes. */
  readonly #found = new Map<string, (readonly number[] | undefined)[]>();

  add(endpoint: Endpoint): void {
    this.#found.clear();
    this.#byHostPort.set(endpoint.hostPort, endpoint);
    const pod = podOf(endpoint);
    const others = this.#pods.get(pod) ?? [];
    this.#pods.set(pod, [...others.filter(({ id }) => id !== endpoint.id), endpoint]);
    for (const name of [endpoint.address, endpoint.name]) {
      const called = this.#podsCalled.get(name);
      if (called === undefined) this.#podsCalled.set(name, new Set([pod]));
      else called.add(pod);
    }
  }

  remove(endpoint: Endpoint): void {
    this.#found.clear();
    if (this.#byHostPort.get(endpoint.hostPort)?.id === endpoint.id) {
      this.#byHostPort.delete(endpoint.hostPort);
    }
    const pod = podOf(endpoint);
    const left = (this.#pods.get(pod) ?? []).filter(({ id }) => id !== endpoint.id);
    if (left.length > 0) {
      this.#pods.set(pod, left);
      return;
    }
    this.#pods.delete(pod);
    for (const name of [endpoint.address, endpoint.name]) {
      const called = this.#podsCalled.get(name);
      called?.delete(pod);
      if (called?.size === 0) this.#podsCalled.delete(name);
    }
  }

  /** Slots of the endpoints that a rank of a pod is reached by; empty where none is known. */
  slotsOf(pod: string, dpRank: number): readonly number[] {
    let ranks = this.#found.get(pod);
    if (ranks === undefined) this.#found.set(pod, (ranks = []));
    return (ranks[dpRank] ??= this.#find(pod, dpRank));
  }

  #find(pod: string, dpRank: number): readonly number[] {
    const exact = this.#byHostPort.get(pod);
    const endpoints = this.#pods.get(exact === undefined ? this.#only(pod) : podOf(exact)) ?? [];
    if (exact !== undefined && exact.rank !== 0) return [exact.slot];
    const [single] = endpoints;
    if (single !== undefined && endpoints.length === 1 && single.rank === 0) return [single.slot];
    const slots = endpoints.filter(({ rank }) => rank === dpRank).map(({ slot }) => slot);
    return slots.length > 0 ? slots : NOBODY;
  }

  #only(name: string): string {
    const called = this.#podsCalled.get(name);
    const [pod = ''] = called?.size === 1 ? called : [];
    return pod;
  }
}

const podOf = ({ namespace, name }: Endpoint): string => `${namespace}/${name}`;
