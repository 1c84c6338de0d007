// SPDX-License-Identifier: Apache-2.0
import type { Gauge, GaugeDefinition, Labels, MetricDefinition, Metrics } from '@llm-d/telemetry';

/** Metrics of one of several users who may measure the same thing, such as two instances of one plugin. */
export interface MetricAccount {
  readonly metrics: Metrics;
  /**
   * Takes back what its gauges show, and removes those that nobody else uses. What is measured from then on does not
   * count. Counters and histograms stay: they tell the past.
   */
  close(): void;
}

/** Keeps the gauges right that several users write. */
export interface MetricAccounts {
  /**
   * A new user. Of users who set the same gauge the latest counts; what they add is summed up; a series is removed when
   * its last user removes it.
   */
  open(): MetricAccount;
}

/** Accounts over one process' metrics. */
export function createMetricAccounts(metrics: Metrics): MetricAccounts {
  const users: Users = new Map();
  return { open: () => new Account(metrics, users) };
}

/** Users of each series, the latest at the end. */
type Users = Map<string, Account[]>;

interface Use {
  readonly definition: MetricDefinition;
  readonly labels: Readonly<Record<string, string>>;
  readonly users: Account[];
  /** Undefined for counters and histograms. */
  readonly gauge: OwnGauge | undefined;
}

class Account implements MetricAccount {
  readonly metrics: Metrics;
  readonly #inner: Metrics;
  readonly #users: Users;
  readonly #uses = new Map<string, Use>();
  #isClosed = false;

  constructor(inner: Metrics, users: Users) {
    this.#inner = inner;
    this.#users = users;
    this.metrics = {
      counter: (definition, labels) => {
        this.#use(definition, labels);
        return inner.counter(definition, labels);
      },
      histogram: (definition, labels) => {
        this.#use(definition, labels);
        return inner.histogram(definition, labels);
      },
      gauge: (definition, labels) => {
        const known = this.#uses.get(keyOf(definition, labels))?.gauge;
        return known ?? this.#gauge(definition, labels);
      },
      remove: (definition, labels) => {
        const key = keyOf(definition, labels);
        const use = this.#uses.get(key);
        const isUnused = use === undefined ? !users.has(key) : this.#leave(key, use);
        if (isUnused) inner.remove(definition, labels);
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const [key, use] of this.#uses) {
      const isLast = this.#leave(key, use);
      if (isLast && use.gauge !== undefined) this.#inner.remove(use.definition, use.labels);
    }
  }

  #gauge<L extends string>(definition: GaugeDefinition<L>, labels: Labels<L>): Gauge {
    if (this.#isClosed) return IGNORED;
    const users = this.#usersOf(keyOf(definition, labels));
    const gauge = new OwnGauge(this.#inner.gauge(definition, labels), this, users);
    this.#use(definition, labels, gauge);
    return gauge;
  }

  #use<L extends string>(
    definition: MetricDefinition<L>,
    labels: Labels<L>,
    gauge?: OwnGauge,
  ): void {
    const key = keyOf(definition, labels);
    if (this.#isClosed || this.#uses.has(key)) return;
    const users = this.#usersOf(key);
    users.push(this);
    this.#uses.set(key, { definition, labels, users, gauge });
  }

  #usersOf(key: string): Account[] {
    let users = this.#users.get(key);
    if (users === undefined) this.#users.set(key, (users = []));
    return users;
  }

  /** Ends a use; true where nobody else has one. */
  #leave(key: string, { gauge, users }: Use): boolean {
    gauge?.close();
    this.#uses.delete(key);
    users.splice(users.indexOf(this), 1);
    if (users.length === 0) this.#users.delete(key);
    return users.length === 0;
  }
}

const IGNORED: Gauge = { set: () => undefined, add: () => undefined };

class OwnGauge implements Gauge {
  readonly #inner: Gauge;
  readonly #owner: Account;
  /** As they change. */
  readonly #users: readonly Account[];
  #added = 0;
  #isClosed = false;

  constructor(inner: Gauge, owner: Account, users: readonly Account[]) {
    this.#inner = inner;
    this.#owner = owner;
    this.#users = users;
  }

  set(value: number): void {
    if (!this.#isClosed && this.#users.at(-1) === this.#owner) this.#inner.set(value);
  }

  add(amount: number): void {
    if (this.#isClosed) return;
    this.#added += amount;
    this.#inner.add(amount);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#added !== 0) this.#inner.add(-this.#added);
  }
}

const keyOf = (
  { name, labels }: MetricDefinition,
  values: Readonly<Record<string, string>>,
): string => [name, ...labels.map((label) => values[label] ?? '')].join('\0');
