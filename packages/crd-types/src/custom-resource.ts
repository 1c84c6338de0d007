// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import type { Admitted } from './schema.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly jsonPath: string;
  /** Above 0 it is shown only with `-o wide`. */
  readonly priority?: number;
}

/** A custom resource: where it is found and what its objects look like. */
export interface CustomResource<T extends KubeObject = KubeObject> extends ResourceType<T> {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly printerColumns: readonly PrinterColumn[];
  readonly spec: TSchema;
  /** Whether an object without a spec is refused. */
  readonly specRequired: boolean;
  /** The status is a subresource of its own. */
  readonly status: TSchema;
}

/** An object with this spec and status. */
export interface CustomObject<Spec extends TSchema, Status extends TSchema> extends KubeObject {
  readonly spec: Admitted<Spec>;
  readonly status?: Admitted<Status>;
}
