// SPDX-License-Identifier: Apache-2.0
import { identityLabel, labelValue } from './names.ts';

/** Roles of model servers. */
export type Role = 'decode' | 'prefill';

/** Labels of a ModelService's objects. */
export interface Labels {
  /** On every object. */
  readonly object: Readonly<Record<string, string>>;
  /** On the pods of a role: who they belong to, and what they are. */
  pod(role: Role): Readonly<Record<string, string>>;
  /** Selects the pods of a role. Selectors are immutable, so only what never changes is in them. */
  selector(role: Role): Readonly<Record<string, string>>;
  /** Selects the pods of all roles. */
  readonly pool: Readonly<Record<string, string>>;
  /** On the pods of the endpoint picker, and selects them. */
  readonly epp: Readonly<Record<string, string>>;
}

const OWNER = 'llm-d.ai/model-service';
const ROLE = 'llm-d.ai/role';
const SERVING = 'llm-d.ai/inference-serving';

/** Labels whose values a ModelService may not set itself. */
export const reservedLabels: readonly string[] = [
  OWNER,
  ROLE,
  SERVING,
  'llm-d.ai/inferenceServing',
  'llm-d.ai/epp',
];

/** The labels of the ModelService `owner`, which serves `modelName`. */
export function labelsOf(owner: string, modelName: string, epp: string): Labels {
  const identity = { [OWNER]: identityLabel(owner) };
  const model = { 'llm-d.ai/model': labelValue(modelName) };
  return {
    object: { ...identity, ...model },
    pod: (role) => ({
      ...identity,
      ...model,
      [ROLE]: role,
      [SERVING]: 'true',
      'llm-d.ai/inferenceServing': 'true',
    }),
    selector: (role) => ({ ...identity, [ROLE]: role }),
    pool: { ...identity, [SERVING]: 'true' },
    epp: { 'llm-d.ai/epp': epp },
  };
}
