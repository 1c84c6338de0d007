// SPDX-License-Identifier: Apache-2.0
import type { Findings } from '../findings.ts';
import { defined, type JsonObject, type RenderedObject } from '../json.ts';
import { measuredPoolOf } from '../router/inference-pool.ts';
import type { RoleSettings, RoleSpec, Settings } from '../settings/settings.ts';

type Scaling = NonNullable<RoleSpec['scaling']>;

const REQUESTS_PER_REPLICA = 16;
/** A server loads for minutes: adding is cheap to regret, removing is not. */
const BEHAVIOR: JsonObject = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
  scaleDown: { stabilizationWindowSeconds: 300 },
};

/** What scales a role, or undefined where nothing does. It is always named like the workload it scales. */
export function scalerOf(
  settings: Settings,
  role: RoleSettings,
  findings: Findings,
): RenderedObject | undefined {
  const { scaling } = role.spec;
  if (scaling === undefined) return undefined;
  checkCoordination(settings, role, findings);
  const path = `${role.path}.scaling`;
  if (scaling.by !== 'keda') {
    if (scaling.minReplicas === 0) {
      findings.warn(
        `${path}.minReplicas`,
        'a HorizontalPodAutoscaler goes to 0 only with the feature gate HPAScaleToZero',
      );
    }
    return horizontalPodAutoscaler(settings, role, scaling);
  }
  if (!settings.capabilities.keda) {
    findings.problem(`${path}.by`, 'the cluster has no KEDA');
    return undefined;
  }
  if (scaling.triggers === undefined && scaling.prometheusAddress === undefined) {
    findings.problem(`${path}.prometheusAddress`, 'is required, or triggers');
    return undefined;
  }
  return scaledObject(settings, role, scaling);
}

/** Prefill servers without a decode server compute for nobody. */
function checkCoordination({ roles }: Settings, { role }: RoleSettings, findings: Findings): void {
  const leastOf = (of: RoleSettings | undefined) =>
    of?.spec.scaling?.minReplicas ?? of?.spec.replicas ?? 1;
  const [decode, prefill] = roles;
  if (role === 'decode' && prefill !== undefined && leastOf(decode) === 0 && leastOf(prefill) > 0) {
    findings.warn('spec.decode.scaling.minReplicas', 'decode may go to 0 while prefill stays');
  }
}

const targetOf = ({ workload }: RoleSettings) => ({
  apiVersion: workload.kind === 'Deployment' ? 'apps/v1' : 'leaderworkerset.x-k8s.io/v1',
  ...workload,
});

function horizontalPodAutoscaler(
  settings: Settings,
  role: RoleSettings,
  scaling: Scaling,
): RenderedObject {
  const managed = scaling.by === 'variant';
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: role.workload.name,
      labels: settings.labels.object,
      ...(managed && {
        annotations: { 'llm-d.ai/managed': 'true', 'llm-d.ai/model-id': settings.model.name },
      }),
    },
    spec: {
      scaleTargetRef: targetOf(role),
      minReplicas: scaling.minReplicas,
      maxReplicas: scaling.maxReplicas,
      metrics: scaling.metrics ?? [managed ? wanted(settings, role) : running(settings, scaling)],
      behavior: scaling.behavior ?? BEHAVIOR,
    },
  };
}

/** Mean of running requests over the servers of the pool, as its endpoint picker measures it. */
const running = (settings: Settings, scaling: Scaling): JsonObject =>
  external('llm_d_epp_average_running_requests', {
    labels: {
      name: measuredPoolOf(settings),
      ...(settings.namespace !== undefined && { namespace: settings.namespace }),
    },
    target: { type: 'Value', value: String(scaling.requestsPerReplica ?? REQUESTS_PER_REPLICA) },
  });

/** What the variant autoscaler wants. */
const wanted = ({ namespace }: Settings, { workload }: RoleSettings): JsonObject =>
  external('wva_desired_replicas', {
    labels: {
      variant_name: workload.name,
      ...(namespace !== undefined && { exported_namespace: namespace }),
    },
    target: { type: 'AverageValue', averageValue: '1' },
  });

const external = (
  name: string,
  { labels, target }: { readonly labels: JsonObject; readonly target: JsonObject },
): JsonObject => ({
  type: 'External',
  external: { metric: { name, selector: { matchLabels: labels } }, target },
});

function scaledObject(settings: Settings, role: RoleSettings, scaling: Scaling): RenderedObject {
  const { model, namespace, labels } = settings;
  const selector = [
    `model_name=${JSON.stringify(model.name)}`,
    ...(namespace === undefined ? [] : [`namespace=${JSON.stringify(namespace)}`]),
  ].join(',');
  const usual = {
    type: 'prometheus',
    metadata: {
      serverAddress: scaling.prometheusAddress,
      query: `sum(llm_d_epp_request_running{${selector}})`,
      threshold: String(scaling.requestsPerReplica ?? REQUESTS_PER_REPLICA),
      activationThreshold: '0',
      // No data is a fault to be seen, not a load of zero.
      ignoreNullValues: 'false',
    },
  };
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: role.workload.name, labels: labels.object },
    spec: defined({
      scaleTargetRef: targetOf(role),
      minReplicaCount: scaling.minReplicas,
      maxReplicaCount: scaling.maxReplicas,
      idleReplicaCount: scaling.idleReplicaCount,
      pollingInterval: scaling.pollingIntervalSeconds ?? 15,
      cooldownPeriod: scaling.cooldownSeconds ?? 300,
      advanced: { horizontalPodAutoscalerConfig: { behavior: scaling.behavior ?? BEHAVIOR } },
      triggers: scaling.triggers ?? [usual],
    }),
  };
}
