// SPDX-License-Identifier: Apache-2.0
import { defined, objectAt, type JsonObject, type RenderedObject } from '../json.ts';
import { mergeAll } from '../merge/strategic-merge.ts';
import { acceleratorPatch } from '../pod/accelerator-request.ts';
import { overlayContainers } from '../pod/container-overlay.ts';
import { withFilledArgs } from '../pod/filled-args.ts';
import { withFlags } from '../pod/flags.ts';
import { modelStorageOf } from '../pod/model-storage.ts';
import { storagePatch, type PodContext } from '../pod/pod-template.ts';
import { withRolePatches } from '../pod/role-patches.ts';
import type { Container, PodTemplate } from '../pod/pod.ts';
import { terminationPatch } from '../pod/termination.ts';
import { parallelFlags } from '../pod/vllm.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { named } from './base-objects.ts';

/**
 * The pod template of a role over that of a BaseConfig: what the ModelService states, and nothing that it does not. The
 * model's volume is there once, whoever declares it.
 */
export function basePodTemplate(
  base: JsonObject,
  { settings, role, scope }: PodContext,
): PodTemplate {
  const { names, labels, capabilities } = settings;
  const overlays = withFilledArgs(role.spec.containers ?? [], scope);
  const mounters = overlays.filter(({ mountModelVolume }) => mountModelVolume === true);
  const inits = withFilledArgs(role.spec.initContainers ?? [], scope);
  const initMounters = inits.filter(({ mountModelVolume }) => mountModelVolume === true);
  const storage = modelStorageOf(settings);
  const brought = storagePatch(
    storage,
    mounters.map(({ name }) => name),
  );
  const shown =
    storagePatch(
      storage,
      initMounters.map(({ name }) => name),
    ).spec?.containers ?? [];
  const template = mergeAll(
    templateOf(base),
    {
      ...brought,
      spec: {
        ...brought.spec,
        ...(shown.length > 0 && { initContainers: shown }),
        serviceAccountName: names.serviceAccount,
      },
    },
    role.spec.accelerator === undefined ? {} : acceleratorPatch(settings, role),
    role.spec.resources === undefined
      ? {}
      : { spec: { containers: [{ name: role.engineContainer, resources: role.spec.resources }] } },
    role.spec.termination === undefined
      ? {}
      : terminationPatch(role.termination, role.engineContainer, capabilities.sleepAction),
  );
  const laid = overlayContainers(
    overlayContainers(template, 'containers', overlays),
    'initContainers',
    inits,
  );
  const spread = role.spec.parallelism === undefined ? laid : withParallelism(laid, role);
  return mergeAll(withRolePatches(spread, role), { metadata: { labels: labels.pod(role.role) } });
}

// What is not a template of pods is refused when it is applied; the type says what may be there.
const templateOf = (base: JsonObject): PodTemplate => objectAt(objectAt(base, 'spec'), 'template');

/** The engine's arguments with what its parallelism needs and they do not say. */
function withParallelism(template: PodTemplate, role: RoleSettings): PodTemplate {
  const containers = (template.spec?.containers ?? []).map((container): Container => {
    if (container.name !== role.engineContainer) return container;
    const args = withFlags(container.args ?? [], [
      ...parallelFlags(role),
      ...(role.termination.drainSeconds > 0 && role.spec.termination !== undefined
        ? [{ name: '--shutdown-timeout', values: [String(role.termination.drainSeconds)] }]
        : []),
    ]);
    return args.length === 0 ? container : { ...container, args };
  });
  return { ...template, spec: { ...template.spec, containers } };
}

/** The Deployment of a BaseConfig with a role's pods; replicas are the ModelService's, else its own. */
export function baseDeploymentOf(
  base: JsonObject,
  { settings, role }: { readonly settings: Settings; readonly role: RoleSettings },
  { template, replicas }: { readonly template: PodTemplate; readonly replicas: number | undefined },
): RenderedObject {
  const spec = objectAt(base, 'spec');
  const owned = role.spec.scaling !== undefined || settings.spec.decoupleScaling === true;
  return {
    ...named(base, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: role.workload.name,
      labels: settings.labels.pod(role.role),
    }),
    spec: defined({
      ...spec,
      replicas: replicas ?? (owned ? undefined : spec['replicas']),
      strategy: role.spec.strategy ?? spec['strategy'],
      selector: { matchLabels: settings.labels.selector(role.role) },
      template,
    }),
  };
}

/** The endpoint picker of a BaseConfig, with what the ModelService lays over its containers. */
export function basePickerOf(base: JsonObject, settings: Settings): RenderedObject {
  const { names, labels, spec } = settings;
  const picker = spec.endpointPicker;
  const laid = overlayContainers(
    overlayContainers(templateOf(base), 'containers', picker?.containers ?? []),
    'initContainers',
    picker?.initContainers ?? [],
  );
  const template = mergeAll(
    laid,
    { spec: { serviceAccountName: names.eppServiceAccount } },
    picker?.template ?? {},
    {
      metadata: { labels: { ...labels.object, ...labels.epp } },
    },
  );
  const own = objectAt(base, 'spec');
  return {
    ...named(base, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: names.epp,
      labels: { ...labels.object, ...labels.epp },
    }),
    spec: defined({
      ...own,
      replicas: picker?.replicas ?? own['replicas'],
      selector: { matchLabels: labels.epp },
      template,
    }),
  };
}
