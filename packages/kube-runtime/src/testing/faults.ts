// SPDX-License-Identifier: Apache-2.0
import type { ResourceType } from '@llm-d/crd-types';
import { Refusal } from './refusal.ts';

/** What a request is about, as a rule of faults sees it. */
export interface Operation {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly plural: string;
  readonly group: string;
}

/** What goes wrong. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly retryAfterSeconds?: number;
    }
  /** Status 200 and a body that is not JSON. */
  | { readonly kind: 'garbage' }
  /** The connection breaks before the answer. */
  | { readonly kind: 'unreachable' }
  /** No answer, ever. */
  | { readonly kind: 'silence' }
  /** The request is served, and the connection breaks before the answer. */
  | { readonly kind: 'lost' };

/** Chooses requests; what it leaves out is any. */
export type FaultScope = Partial<Omit<Operation, 'verb'>> & {
  /** `write` is every verb that changes something. */
  readonly verb?: Operation['verb'] | 'write';
  /** How many of these requests go well before. Default 0. */
  readonly skip?: number;
  /** How many requests. Default: until {@link Faults.clear}. */
  readonly times?: number;
};

/** What can be made to go wrong, and put right again. */
export interface Faults {
  /** Requests in scope meet the fault; the rule that came last wins. */
  inject(fault: Fault, scope?: FaultScope): void;
  /** Nobody may do anything with the type until {@link allow}. */
  forbid(type: ResourceType): void;
  allow(type: ResourceType): void;
  /** Forgets every injected fault and allows everything. */
  clear(): void;
}

interface Rule {
  readonly fault: Fault;
  readonly scope: FaultScope;
  skip: number;
  left: number;
}

/** Faults, and how the server learns which one a request meets. */
export function createFaults(): Faults & { next(operation: Operation): Fault | undefined } {
  let rules: Rule[] = [];
  const forbidden = new Set<string>();
  const idOf = ({ group, plural }: { group: string; plural: string }) => `${plural}.${group}`;
  return {
    inject: (fault, scope = {}) => {
      rules.unshift({ fault, scope, skip: scope.skip ?? 0, left: scope.times ?? Infinity });
    },
    forbid: (type) => {
      forbidden.add(idOf(type));
    },
    allow: (type) => {
      forbidden.delete(idOf(type));
    },
    clear: () => {
      rules = [];
      forbidden.clear();
    },
    next: (operation) => {
      if (forbidden.has(idOf(operation))) {
        return { kind: 'status', status: 403, reason: 'Forbidden' };
      }
      const rule = rules.find((one) => covers(one.scope, operation) && one.skip-- <= 0);
      if (rule === undefined) return undefined;
      rule.left--;
      rules = rules.filter(({ left }) => left > 0);
      return rule.fault;
    },
  };
}

const covers = ({ verb, plural, group }: FaultScope, operation: Operation): boolean =>
  (verb === undefined || verb === operation.verb || (verb === 'write' && isWrite(operation))) &&
  (plural === undefined || plural === operation.plural) &&
  (group === undefined || group === operation.group);

/** Whether a request changes something. */
export const isWrite = ({ verb }: Pick<Operation, 'verb'>): boolean =>
  verb === 'create' || verb === 'update' || verb === 'patch' || verb === 'delete';

/** The refusal of a fault with a status. */
export const refusalOf = ({
  status,
  reason = 'InternalError',
  retryAfterSeconds,
}: Extract<Fault, { kind: 'status' }>): Refusal =>
  new Refusal(status, reason, `injected: ${reason}`, { retryAfterSeconds });
