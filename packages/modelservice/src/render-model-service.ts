// SPDX-License-Identifier: Apache-2.0
import type { ModelService, Problem } from '@llm-d/crd-types';
import { readBaseConfig } from './base-config/base-config.ts';
import { renderBaseConfig } from './base-config/render-base-config.ts';
import { templateScopeOf } from './base-config/template-variables.ts';
import { createFindings, type Findings } from './findings.ts';
import type { RenderedObject } from './json.ts';
import { disruptionBudgetOf, pickerBudgetOf } from './operations/disruption-budget.ts';
import { monitorsOf } from './operations/monitors.ts';
import { networkPoliciesOf } from './operations/network-policy.ts';
import { scalerOf } from './operations/scaling.ts';
import { resourceClaimTemplateOf } from './pod/accelerator-request.ts';
import { checkArgs } from './pod/filled-args.ts';
import { podTemplateOf } from './pod/pod-template.ts';
import { drains } from './pod/vllm.ts';
import { httpRouteOf } from './router/http-route.ts';
import { objectivesOf } from './router/objectives.ts';
import { routerOf } from './router/router-objects.ts';
import { settle, type Surroundings } from './settings/settle.ts';
import type { Settings } from './settings/settings.ts';
import { modelCacheClaimOf } from './workload/model-cache-claim.ts';
import { roleServiceOf } from './workload/role-service.ts';
import { modelServiceAccountOf } from './workload/service-account.ts';
import { workloadOf, type InitialReplicas, type Workload } from './workload/workload.ts';

/** What a ModelService becomes. */
export interface Rendering {
  /** In the order in which they are best applied; none where there is a problem. */
  readonly objects: readonly RenderedObject[];
  /** What was left out or is doubtful. */
  readonly warnings: readonly Problem[];
  /** Why nothing was rendered; empty when something was. */
  readonly problems: readonly Problem[];
  /**
   * For objects that do not state their replicas because somebody else decides about them: what to create them with.
   * They are not to be written to objects that are there.
   */
  readonly initialReplicas: readonly InitialReplicas[];
}

/**
 * Renders a ModelService, as `admit` returns it, into every object that it stands for. The same arguments give the same
 * objects in the same order. It never throws for what an author has written: that becomes problems, each with its path.
 */
export function renderModelService(
  service: ModelService,
  surroundings: Surroundings = {},
): Rendering {
  const findings = createFindings();
  const settings = settle(service, surroundings, findings);
  const parts = settings === undefined ? undefined : render(settings, findings);
  const { problems, warnings } = findings;
  if (settings === undefined || parts === undefined || problems.length > 0) {
    return { objects: [], warnings, problems, initialReplicas: [] };
  }
  return {
    objects: parts.objects.map((object) => inNamespace(object, settings.namespace)),
    warnings,
    problems,
    initialReplicas: parts.initialReplicas,
  };
}

const inNamespace = (object: RenderedObject, namespace: string | undefined): RenderedObject => {
  if (namespace === undefined) return object;
  const { name, ...rest } = object.metadata;
  return { ...object, metadata: { name, namespace, ...rest } };
};

interface Parts {
  readonly objects: readonly RenderedObject[];
  readonly initialReplicas: readonly InitialReplicas[];
}

function render(settings: Settings, findings: Findings): Parts {
  const scope = templateScopeOf(settings);
  for (const role of settings.roles) checkArgs(role, scope, findings);
  const { baseConfig } = settings;
  if (baseConfig === undefined) {
    warnOfEngines(settings, findings);
    const workloads = settings.roles.map((role) =>
      workloadOf(settings, role, podTemplateOf({ settings, role, scope })),
    );
    const others = [
      modelServiceAccountOf(settings),
      ...settings.roles.map((role) => roleServiceOf(settings, role)),
    ];
    return assembled(
      settings,
      { workloads, before: others, router: routerOf(settings, findings) },
      findings,
    );
  }
  const config = readBaseConfig(baseConfig, scope, findings);
  const made = renderBaseConfig({ settings, scope, findings, config });
  const asked = asksForRouter(settings) && !config.objects.has('inferencePool');
  const routed = asked
    ? routerOf(settings, findings)
    : baseRoutes(settings, config.objects.has('httpRoute'));
  const known = new Set(made.others.map(identityOf));
  // What the BaseConfig has goes before what would be made here.
  const router = routed.filter((object) => !known.has(identityOf(object)));
  return assembled(settings, { workloads: made.workloads, before: made.others, router }, findings);
}

const identityOf = ({ apiVersion, kind, metadata }: RenderedObject): string =>
  `${apiVersion} ${kind} ${metadata.name}`;

/** Whether a ModelService with a BaseConfig says itself that it wants to be reached. */
const asksForRouter = ({ gateway, spec }: Settings): boolean =>
  gateway.refs.length > 0 || spec.gateway !== undefined;

/** Gateways that are named lead to the pool of a BaseConfig that has no route. */
const baseRoutes = (settings: Settings, hasRoute: boolean): readonly RenderedObject[] => [
  ...(settings.gateway.refs.length > 0 && !hasRoute ? [httpRouteOf(settings)] : []),
  ...objectivesOf(settings),
];

interface Stages {
  readonly workloads: readonly Workload[];
  /** What workloads refer to. */
  readonly before: readonly RenderedObject[];
  readonly router: readonly RenderedObject[];
}

function assembled(
  settings: Settings,
  { workloads, before, router }: Stages,
  findings: Findings,
): Parts {
  const perRole = settings.roles.flatMap((role) => [
    scalerOf(settings, role, findings),
    disruptionBudgetOf(settings, role),
  ]);
  const objects = [
    modelCacheClaimOf(settings),
    ...settings.roles.map((role) => resourceClaimTemplateOf(settings, role)),
    ...before,
    ...workloads.map(({ object }) => object),
    ...router,
    ...perRole,
    ...(router.length > 0 ? [pickerBudgetOf(settings)] : []),
    ...networkPoliciesOf(settings),
    ...monitorsOf(settings, findings),
  ].filter((object) => object !== undefined);
  const initialReplicas = workloads
    .map((workload) => workload.initialReplicas)
    .filter((initial) => initial !== undefined);
  return { objects, initialReplicas };
}

/** What engines are asked for and cannot do. */
function warnOfEngines({ roles, engine, model, spec }: Settings, findings: Findings): void {
  for (const { path, engineImage, termination } of roles) {
    if (engine.type === 'vllm' && termination.drainSeconds > 0 && !drains(engineImage)) {
      findings.warn(`${path}.termination`, `${engineImage} ends at once: draining needs vLLM 0.18`);
    }
  }
  if (engine.type === 'sglang' && model.aliases.length > 0) {
    findings.warn('spec.model.aliases', 'SGLang serves one name: use rewrites for others');
  }
  if (engine.type === 'simulator' && spec.offload !== undefined) {
    findings.warn('spec.offload', 'the simulator has no tiers of its own: give it arguments');
  }
  if (spec.offload?.disk !== undefined && spec.offload.cpu === undefined) {
    findings.problem('spec.offload.disk', 'needs spec.offload.cpu: files stand behind the memory');
  }
}
