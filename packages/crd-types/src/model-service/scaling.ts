// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { int32, oneOf, withDefault, withRules } from '../schema.ts';
import { kubernetesFields, kubernetesList } from './pod-overlay.ts';

/** Who decides about the number of replicas, and between which bounds. */
export const scalingSchema = withRules(
  Type.Object(
    {
      minReplicas: withDefault(int32({ minimum: 0, description: 'Never fewer.' }), 1),
      maxReplicas: int32({ minimum: 1, description: 'Never more.' }),
      by: withDefault(
        oneOf(['hpa', 'keda', 'variant'], {
          description:
            'hpa: load that the endpoint picker measures. keda: the same from Prometheus. variant: what the variant autoscaler asks for.',
        }),
        'hpa',
      ),
      metrics: Type.Optional(kubernetesList('Metrics of the HorizontalPodAutoscaler instead.')),
      triggers: Type.Optional(kubernetesList('Triggers of the ScaledObject instead.')),
      behavior: Type.Optional(kubernetesFields('How fast, as a HorizontalPodAutoscaler has it.')),
      requestsPerReplica: Type.Optional(
        int32({
          minimum: 1,
          description: 'Running requests that a replica is to have. Default 16.',
        }),
      ),
      prometheusAddress: Type.Optional(
        Type.String({ maxLength: 2048, description: 'Where KEDA asks.' }),
      ),
      idleReplicaCount: Type.Optional(int32({ minimum: 0, description: 'Replicas without load.' })),
      pollingIntervalSeconds: Type.Optional(int32({ minimum: 1 })),
      cooldownSeconds: Type.Optional(int32({ minimum: 0 })),
    },
    { description: 'Who decides about the number of replicas, and between which bounds.' },
  ),
  [
    {
      rule: 'self.minReplicas <= self.maxReplicas',
      message: 'minReplicas must not exceed maxReplicas',
      holds: ({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas,
    },
  ],
);
