// SPDX-License-Identifier: Apache-2.0
import { isObject, objectAt, objectsAt, type JsonObject, type RenderedObject } from '../json.ts';
import { childName } from '../names.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { envOf, type PodTemplate } from './pod.ts';

const CLAIM = 'accelerators';

/** Asks for a role's accelerators: as extended resources, or as a claim of devices. */
export function acceleratorPatch(settings: Settings, role: RoleSettings): PodTemplate {
  const { accelerator, acceleratorCount: count, engineContainer: name, spec } = role;
  const env = envOf(accelerator.env);
  if (spec.accelerator?.dra !== undefined && count > 0) {
    return {
      spec: {
        resourceClaims: [{ name: CLAIM, resourceClaimTemplateName: claimNameOf(settings, role) }],
        containers: [{ name, env, resources: { claims: [{ name: CLAIM }] } }],
      },
    };
  }
  if (accelerator.resource === undefined || count === 0) {
    return { spec: { containers: [{ name, env }] } };
  }
  // A number that the person states wins, in limits and requests alike: they must not differ.
  const amount = {
    [accelerator.resource]: statedAmount(role, accelerator.resource) ?? String(count),
  };
  return {
    spec: { containers: [{ name, env, resources: { limits: amount, requests: amount } }] },
  };
}

function statedAmount({ spec, engineContainer }: RoleSettings, resource: string): unknown {
  const engine = spec.containers?.find(({ name }) => name === engineContainer);
  const places = [engine?.['resources'], spec.resources].flatMap((resources) => [
    objectAt(resources, 'limits')[resource],
    objectAt(resources, 'requests')[resource],
  ]);
  return places.find((amount) => amount !== undefined);
}

/** The claim's template, where devices are claimed. */
export function resourceClaimTemplateOf(
  settings: Settings,
  role: RoleSettings,
): RenderedObject | undefined {
  const { dra } = role.spec.accelerator ?? {};
  if (dra === undefined || role.acceleratorCount === 0) return undefined;
  const deviceClassName = dra.deviceClassName ?? role.accelerator.deviceClass;
  const selectors = dra.selectors?.map((expression) => ({ cel: { expression } }));
  const exactly = {
    deviceClassName,
    allocationMode: 'ExactCount',
    count: role.acceleratorCount,
    ...(selectors && { selectors }),
  };
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaimTemplate',
    metadata: { name: claimNameOf(settings, role), labels: settings.labels.object },
    spec: { spec: { devices: { requests: [{ name: CLAIM, exactly }] } } },
  };
}

const claimNameOf = ({ name }: Settings, { role }: RoleSettings): string =>
  childName(name, `-${role}-claim`);

/** Says so on pods that ask for another number of accelerators than their parallelism needs. */
export function acceleratorWarning(role: RoleSettings, template: JsonObject): PodTemplate {
  const { resource } = role.accelerator;
  if (resource === undefined) return {};
  const engine = objectsAt(template['spec'], 'containers').find(
    ({ name }) => name === role.engineContainer,
  );
  const resources = isObject(engine) ? objectAt(engine, 'resources') : {};
  const asked =
    objectAt(resources, 'limits')[resource] ?? objectAt(resources, 'requests')[resource];
  const needed = role.parallelism.acceleratorsPerPod;
  if (asked === undefined || Number(asked) === needed) return {};
  const text = `${JSON.stringify(asked)} of ${resource} are asked for, parallelism needs ${needed}`;
  return { metadata: { annotations: { 'llm-d.ai/accelerator-warning': text } } };
}
