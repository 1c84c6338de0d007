// SPDX-License-Identifier: Apache-2.0
import type { TemplateScope } from '../base-config/template-functions.ts';
import { objectAt, type JsonObject } from '../json.ts';
import { mergeAll, strategicMerge } from '../merge/strategic-merge.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';
import { acceleratorPatch, acceleratorWarning } from './accelerator-request.ts';
import { overlayContainers, type OverlayContainer } from './container-overlay.ts';
import { engineContainerOf } from './engine-container.ts';
import { withRolePatches } from './role-patches.ts';
import { withFilledArgs } from './filled-args.ts';
import { modelStorageOf, type ModelStorage } from './model-storage.ts';
import type { Container, PodTemplate } from './pod.ts';
import { routingSidecarOf } from './routing-sidecar.ts';
import { containerSecurityOf, podSecurityOf } from './security.ts';
import { terminationPatch } from './termination.ts';
import { writableFoldersPatch } from './writable-folders.ts';

/** What pods of a role are made of. */
export interface PodContext {
  readonly settings: Settings;
  readonly role: RoleSettings;
  readonly scope: TemplateScope;
}

/**
 * The pod template of a role without a BaseConfig. Layers, each over the one before: what is made here, what the role
 * says about containers and placement, the labels that selectors rely on, and the role's own patch.
 */
export function podTemplateOf({ settings, role, scope }: PodContext): PodTemplate {
  const { spec, names, capabilities, engine } = settings;
  const storage = modelStorageOf(settings);
  const overlays = withFilledArgs(role.spec.containers ?? [], scope);
  const stated = overlays.find(({ name }) => name === role.engineContainer);
  const inits = initContainersOf(settings, role, storage);
  const base: PodTemplate = {
    metadata: { labels: settings.labels.pod(role.role) },
    spec: {
      serviceAccountName: names.serviceAccount,
      automountServiceAccountToken: false,
      securityContext: podSecurityOf(settings),
      ...(inits.length > 0 && { initContainers: inits }),
      containers: [engineContainerOf({ settings, role, storage, stated })],
    },
  };
  const made = mergeAll(
    base,
    writableFoldersPatch(engine, role.engineContainer),
    storagePatch(storage, mountersOf(role, overlays)),
    offloadPatch(settings, role),
    { spec: { containers: [{ name: role.engineContainer, resources: role.spec.resources }] } },
    acceleratorPatch(settings, role),
    terminationPatch(role.termination, role.engineContainer, capabilities.sleepAction),
  );
  // Its arguments and command are in what was made.
  const rest = overlays.map((overlay) =>
    overlay.name === role.engineContainer ? { ...overlay, args: [], command: [] } : overlay,
  );
  const initOverlays = withFilledArgs(role.spec.initContainers ?? [], scope);
  const laid = overlayContainers(
    overlayContainers(made, 'containers', rest),
    'initContainers',
    initOverlays,
  );
  return finished(laid, { settings, role, secured: spec.security?.profile !== 'unset' });
}

interface Finish {
  readonly settings: Settings;
  readonly role: RoleSettings;
  readonly secured: boolean;
}

function finished(template: PodTemplate, { settings, role, secured }: Finish): PodTemplate {
  const patched = withRolePatches(secured ? withSecurity(template, settings) : template, role);
  return mergeAll(patched, acceleratorWarning(role, patched), {
    metadata: { labels: settings.labels.pod(role.role) },
  });
}

/** Every container has the security context of the profile under its own. */
function withSecurity(template: PodTemplate, settings: Settings): PodTemplate {
  const profile = containerSecurityOf(settings);
  const secure = (containers: readonly Container[] = []): readonly JsonObject[] =>
    containers.map((container) => ({
      ...container,
      securityContext: strategicMerge(profile, objectAt(container, 'securityContext')),
    }));
  const { containers, initContainers = [], ...rest } = template.spec ?? {};
  const spec: JsonObject = {
    ...rest,
    ...(initContainers.length > 0 && { initContainers: secure(initContainers) }),
    containers: secure(containers),
  };
  return { ...template, spec };
}

function initContainersOf(
  settings: Settings,
  role: RoleSettings,
  { fetches }: ModelStorage,
): readonly Container[] {
  const sidecar = routingSidecarOf(settings, role);
  return [...fetches.map(({ container }) => container), ...(sidecar ? [sidecar] : [])];
}

/** Containers that see the model: the engine unless it declines, and whoever asks for it. */
function mountersOf(role: RoleSettings, overlays: readonly OverlayContainer[]): readonly string[] {
  const engine = overlays.find(({ name }) => name === role.engineContainer);
  const others = overlays.filter(
    ({ name, mountModelVolume }) => name !== role.engineContainer && mountModelVolume === true,
  );
  return [
    ...(engine?.mountModelVolume === false ? [] : [role.engineContainer]),
    ...others.map(({ name }) => name),
  ];
}

/** Brings the model into a pod and shows it to containers. */
export function storagePatch(storage: ModelStorage, mounters: readonly string[]): PodTemplate {
  return {
    spec: {
      volumes: [...storage.volumes, ...storage.fetches.flatMap(({ volumes }) => volumes)],
      containers: mounters.map((name) => ({
        name,
        env: storage.env,
        volumeMounts: storage.mounts,
      })),
      ...(storage.imagePullSecrets.length > 0 && { imagePullSecrets: storage.imagePullSecrets }),
    },
  };
}

function offloadPatch({ spec }: Settings, { engineContainer: name }: RoleSettings): PodTemplate {
  const disk = spec.offload?.disk;
  if (disk === undefined) return {};
  return {
    spec: {
      volumes: [{ name: 'kv-offload', ...(disk.volume ?? { emptyDir: {} }) }],
      containers: [{ name, volumeMounts: [{ name: 'kv-offload', mountPath: disk.path }] }],
    },
  };
}
