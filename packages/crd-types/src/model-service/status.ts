// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { conditionsSchemaOf } from '../condition.ts';
import { int32 } from '../schema.ts';

const name = () => Type.Optional(Type.String());
const count = () => Type.Optional(int32({ minimum: 0 }));

const roleStatus = Type.Object({
  replicas: count(),
  ready: count(),
  available: count(),
  selector: Type.Optional(Type.String({ description: 'Selects the pods.' })),
});

/** What became of a service; the fields from `prefillDeploymentRef` to `eppAvailable` are those of the first version. */
export const statusSchema = Type.Object({
  observedGeneration: Type.Optional(
    Type.Integer({ format: 'int64', minimum: 0, description: 'Generation that this is about.' }),
  ),
  conditions: Type.Optional(conditionsSchemaOf(32)),
  url: Type.Optional(Type.String({ description: 'Where requests go.' })),
  addresses: Type.Optional(
    Type.Array(
      Type.Object({ url: Type.String(), models: Type.Optional(Type.Array(Type.String())) }),
      { 'x-kubernetes-list-type': 'atomic' },
    ),
  ),
  modelName: name(),
  models: Type.Optional(
    Type.Array(Type.String(), {
      'x-kubernetes-list-type': 'atomic',
      description: 'All names that are served.',
    }),
  ),
  decode: Type.Optional(roleStatus),
  prefill: Type.Optional(roleStatus),
  currentRevision: name(),
  updateRevision: name(),
  prefillDeploymentRef: name(),
  decodeDeploymentRef: name(),
  eppDeploymentRef: name(),
  httpRouteRef: name(),
  inferenceModelRef: name(),
  inferencePoolRef: name(),
  prefillServiceAccountRef: name(),
  decodeServiceAccountRef: name(),
  eppRoleBinding: name(),
  configMapNames: Type.Optional(Type.Array(Type.String())),
  prefillReady: name(),
  decodeReady: name(),
  eppReady: name(),
  prefillAvailable: count(),
  decodeAvailable: count(),
  eppAvailable: count(),
});
