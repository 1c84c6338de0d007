// SPDX-License-Identifier: Apache-2.0
import type { Findings } from '../findings.ts';
import type { JsonObject, RenderedObject } from '../json.ts';
import { pickerAccessOf } from '../router/picker-access.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { modelServiceAccountOf } from '../workload/service-account.ts';
import { replicasOf, type Workload } from '../workload/workload.ts';
import type { BaseConfig, BaseConfigKey } from './base-config.ts';
import {
  baseConfigMapsOf,
  baseInferenceModelOf,
  basePoolOf,
  baseRouteOf,
  baseServiceOf,
} from './base-objects.ts';
import { baseDeploymentOf, basePickerOf, basePodTemplate } from './base-workload.ts';
import type { TemplateScope } from './template-functions.ts';

/** What a BaseConfig makes of a ModelService. */
export interface BaseRendering {
  readonly workloads: readonly Workload[];
  readonly others: readonly RenderedObject[];
}

/** What renders the objects of a BaseConfig. */
interface Context {
  readonly settings: Settings;
  readonly scope: TemplateScope;
  readonly findings: Findings;
  readonly config: BaseConfig;
}

/** Renders what a BaseConfig has templates of. A role is rendered where the ModelService has it too. */
export function renderBaseConfig(context: Context): BaseRendering {
  const { settings, findings, config } = context;
  const { names, labels } = settings;
  const workloads = settings.roles.flatMap((role) => baseWorkloadOf(context, role) ?? []);
  const at = (key: BaseConfigKey, make: (base: JsonObject) => RenderedObject | undefined) => {
    const base = config.objects.get(key);
    const object = base && make(base);
    return object === undefined ? [] : [object];
  };
  const services = settings.roles.flatMap(({ role, service }) =>
    at(`${role}Service`, (base) =>
      baseServiceOf(base, { name: service, labels: labels.object }, labels.selector(role)),
    ),
  );
  const picker = at('eppDeployment', (base) => basePickerOf(base, settings));
  return {
    workloads,
    others: [
      ...(workloads.length > 0 ? [modelServiceAccountOf(settings)] : []),
      ...baseConfigMapsOf(config, settings, findings),
      ...services,
      ...(picker.length > 0 ? pickerAccessOf(settings) : []),
      ...picker,
      ...at('eppService', (base) =>
        baseServiceOf(base, { name: names.eppService, labels: labels.object }, labels.epp),
      ),
      ...at('inferencePool', (base) => basePoolOf(base, settings)),
      ...at('inferenceModel', (base) => baseInferenceModelOf(base, settings, findings)),
      ...at('httpRoute', (base) => baseRouteOf(base, settings)),
    ],
  };
}

function baseWorkloadOf(
  { settings, scope, findings, config }: Context,
  role: RoleSettings,
): Workload | undefined {
  const base = config.objects.get(`${role.role}Deployment`);
  if (base === undefined) {
    findings.problem(role.path, `the BaseConfig has no ${role.role}Deployment`);
    return undefined;
  }
  if (role.workload.kind !== 'Deployment') {
    findings.problem(`${role.path}.parallelism`, 'a BaseConfig has engines of one pod only');
    return undefined;
  }
  const { stated, initial } = replicasOf(settings, role);
  const template = basePodTemplate(base, { settings, role, scope });
  const object = baseDeploymentOf(base, { settings, role }, { template, replicas: stated });
  const { apiVersion, kind, metadata } = object;
  if (initial === undefined) return { object };
  return { object, initialReplicas: { apiVersion, kind, name: metadata.name, replicas: initial } };
}
