// SPDX-License-Identifier: Apache-2.0
interface Binding {
  readonly endpointId: string;
  readonly usedAtMs: number;
}

export interface SessionBindingsOptions {
  /** How long a binding outlives its last use. */
  readonly ttlMs: number;
  /** Shortest time between two sweeps for expired bindings. */
  readonly sweepMs: number;
  /** Most bindings kept; beyond it the one unused for longest goes. */
  readonly maxSessions: number;
}

/** Which endpoint each session is bound to. Bounded in number and in time; sweeps when written to. */
export class SessionBindings {
  readonly #options: SessionBindingsOptions;
  /** Least recently used first. */
  readonly #bindings = new Map<string, Binding>();
  #sweptAtMs = -Infinity;

  constructor(options: SessionBindingsOptions) {
    this.#options = options;
  }

  /** Sessions held, expired ones that no sweep has met yet included. */
  get size(): number {
    return this.#bindings.size;
  }

  /** Id of the session's endpoint, or undefined where there is none or its time is up. */
  endpointOf(session: string, nowMs: number): string | undefined {
    const binding = this.#bindings.get(session);
    return binding === undefined || this.#isExpired(binding, nowMs)
      ? undefined
      : binding.endpointId;
  }

  /** Binds the session, or renews its binding. */
  bind(session: string, endpointId: string, nowMs: number): void {
    this.#bindings.delete(session);
    this.#bindings.set(session, { endpointId, usedAtMs: nowMs });
    this.#sweep(nowMs);
  }

  #isExpired(binding: Binding, nowMs: number): boolean {
    return nowMs - binding.usedAtMs > this.#options.ttlMs;
  }

  #sweep(nowMs: number): void {
    const due = nowMs - this.#sweptAtMs >= this.#options.sweepMs;
    if (due) this.#sweptAtMs = nowMs;
    for (const [session, binding] of this.#bindings) {
      const tooMany = this.#bindings.size > this.#options.maxSessions;
      if (!tooMany && !(due && this.#isExpired(binding, nowMs))) return;
      this.#bindings.delete(session);
    }
  }
}
