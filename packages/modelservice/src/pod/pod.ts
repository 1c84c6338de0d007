// SPDX-License-Identifier: Apache-2.0

/** An environment variable of a container. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: Readonly<Record<string, unknown>>;
}

/** A container; fields that are not named here are Kubernetes' own. */
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly [field: string]: unknown;
}

/** A pod template, or a patch of one. */
export interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** Variables with fixed values, in the order of their names as given. */
export const envOf = (values: Readonly<Record<string, string>>): readonly EnvVar[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

/** A variable with the address of the pod. */
export const podIpEnv = (name: string): EnvVar => ({
  name,
  valueFrom: { fieldRef: { fieldPath: 'status.podIP' } },
});
