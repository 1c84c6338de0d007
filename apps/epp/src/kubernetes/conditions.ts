// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { ReflectorState } from '@llm-d/kube-runtime';
import type { Logger } from '@llm-d/telemetry';

/** How one of the things is that this process depends on. */
export interface ConditionState {
  /** `Unknown` until the first answer. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** One word for machines, such as `Forbidden`. */
  readonly reason: string;
  /** What it means, for people. */
  readonly message: string;
}

/** A {@link ConditionState} with its name and its age. */
export interface Condition extends ConditionState {
  readonly name: string;
  /** When status or reason last changed: RFC 3339. */
  readonly since: string;
}

/** The conditions of this process. Every change of a status or a reason is a line of the log. */
export interface Conditions {
  set(name: string, state: ConditionState): void;
  get(name: string): Condition | undefined;
  /** All of them, by name. */
  list(): readonly Condition[];
}

/** No conditions yet. */
export function createConditions(clock: Clock, logger: Logger): Conditions {
  const conditions = new Map<string, Condition>();
  return {
    set: (name, state) => {
      const before = conditions.get(name);
      const same = before?.status === state.status && before.reason === state.reason;
      const since = same ? before.since : new Date(clock.epochMs()).toISOString();
      conditions.set(name, { name, ...state, since });
      if (same) return;
      const { status, reason, message } = state;
      const line = { condition: name, status, reason, detail: message };
      if (status === 'False') logger.warn('condition not met', line);
      else logger.info('condition changed', line);
    },
    get: (name) => conditions.get(name),
    list: () => [...conditions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** A collection that is followed, as a condition: `met` says what is true once it is known and up to date. */
export function conditionOf(
  state: ReflectorState,
  { what, met }: { readonly what: string; readonly met: () => ConditionState },
): ConditionState {
  switch (state.kind) {
    case 'syncing':
      return { status: 'Unknown', reason: 'Syncing', message: `${what} are being listed` };
    case 'synced':
      return met();
    case 'degraded':
      return {
        status: 'False',
        reason: REASONS[state.reason],
        message: `${what} ${PROBLEMS[state.reason]}: ${state.error.message}`,
      };
  }
}

type Degraded = Extract<ReflectorState, { kind: 'degraded' }>['reason'];

const REASONS: Readonly<Record<Degraded, string>> = {
  forbidden: 'Forbidden',
  missing: 'NotInstalled',
  unauthorized: 'Unauthorized',
  unreachable: 'Unreachable',
  failing: 'Failing',
};

const PROBLEMS: Readonly<Record<Degraded, string>> = {
  forbidden: 'may not be listed and watched by this service account',
  missing: 'are not known to the API server, whose CRD is not installed',
  unauthorized: 'cannot be read, for the API server does not know us',
  unreachable: 'cannot be followed, for the API server does not answer',
  failing: 'cannot be followed, for the API server fails',
};
