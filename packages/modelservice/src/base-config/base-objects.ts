// SPDX-License-Identifier: Apache-2.0
import type { Findings } from '../findings.ts';
import { defined, objectAt, objectsAt, type JsonObject, type RenderedObject } from '../json.ts';
import { routeRulesOf } from '../router/http-route.ts';
import type { Settings } from '../settings/settings.ts';
import type { BaseConfig } from './base-config.ts';

const LEGACY = 'inference.networking.x-k8s.io';
const CURRENT = 'inference.networking.k8s.io';

/** An object of a BaseConfig under a name and with labels of ours. */
export function named(
  { apiVersion, kind: _, metadata, ...rest }: JsonObject,
  identity: Identity,
): RenderedObject {
  const annotations = objectAt(metadata, 'annotations');
  const labels = { ...texts(objectAt(metadata, 'labels')), ...identity.labels };
  return {
    apiVersion: typeof apiVersion === 'string' ? apiVersion : identity.apiVersion,
    kind: identity.kind,
    metadata: {
      name: identity.name,
      labels,
      ...(Object.keys(annotations).length > 0 && { annotations: texts(annotations) }),
    },
    ...rest,
  };
}

interface Identity {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const texts = (values: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** The ConfigMaps of a BaseConfig, under their own names. */
export function baseConfigMapsOf(
  { configMaps }: BaseConfig,
  { labels }: Settings,
  findings: Findings,
): readonly RenderedObject[] {
  return configMaps.flatMap((configMap, index) => {
    const { name } = objectAt(configMap, 'metadata');
    if (typeof name === 'string') {
      return [
        named(configMap, { apiVersion: 'v1', kind: 'ConfigMap', name, labels: labels.object }),
      ];
    }
    findings.problem(`baseConfig.configMaps[${index}].metadata.name`, 'is required');
    return [];
  });
}

/** A service of a BaseConfig, which selects what it is for whatever the template says. */
export function baseServiceOf(
  base: JsonObject,
  identity: Pick<Identity, 'name' | 'labels'>,
  selector: Readonly<Record<string, string>>,
): RenderedObject {
  const object = named(base, { ...identity, apiVersion: 'v1', kind: 'Service' });
  return { ...object, spec: { ...objectAt(base, 'spec'), selector } };
}

/** Whether a BaseConfig's objects of the former group become current ones. */
export const modernizes = ({ capabilities }: Settings): boolean =>
  !capabilities.inferencePoolV1alpha2 && capabilities.inferencePool;

/** The pool of a BaseConfig. Where the cluster does not have its former version, it becomes the current one. */
export function basePoolOf(base: JsonObject, settings: Settings): RenderedObject {
  const { names, labels } = settings;
  const spec = objectAt(base, 'spec');
  const { apiVersion } = base;
  const legacy = typeof apiVersion === 'string' && apiVersion.startsWith(LEGACY);
  const identity = {
    apiVersion: `${LEGACY}/v1alpha2`,
    kind: 'InferencePool',
    name: names.pool,
    labels: labels.object,
  };
  if (legacy && !modernizes(settings)) {
    const extensionRef = { ...objectAt(spec, 'extensionRef'), name: names.eppService };
    return { ...named(base, identity), spec: { ...spec, selector: labels.pool, extensionRef } };
  }
  const picker = { ...objectAt(spec, 'extensionRef'), ...objectAt(spec, 'endpointPickerRef') };
  const number = picker['portNumber'] ?? objectAt(picker, 'port')['number'] ?? 9002;
  const targetPorts = spec['targetPorts'] ?? [{ number: spec['targetPortNumber'] ?? 8000 }];
  return {
    ...named({ ...base, apiVersion: `${CURRENT}/v1` }, identity),
    spec: defined({
      selector: { matchLabels: labels.pool },
      targetPorts,
      appProtocol: spec['appProtocol'],
      endpointPickerRef: defined({
        name: names.eppService,
        port: { number },
        failureMode: picker['failureMode'],
      }),
    }),
  };
}

/** The InferenceModel of a BaseConfig, or undefined where the cluster does not know it any more. */
export function baseInferenceModelOf(
  base: JsonObject,
  settings: Settings,
  findings: Findings,
): RenderedObject | undefined {
  if (!settings.capabilities.inferencePoolV1alpha2) {
    findings.warn('baseConfig.inferenceModel', 'the cluster has no InferenceModel: it is left out');
    return undefined;
  }
  const { names, labels, model } = settings;
  const poolRef = { ...objectAt(objectAt(base, 'spec'), 'poolRef'), name: names.pool };
  return {
    ...named(base, {
      apiVersion: `${LEGACY}/v1alpha2`,
      kind: 'InferenceModel',
      name: names.inferenceModel,
      labels: labels.object,
    }),
    spec: { ...objectAt(base, 'spec'), modelName: model.name, poolRef },
  };
}

/**
 * The route of a BaseConfig with the gateways of the ModelService beside its own, merged by name. One without rules
 * leads to the pool.
 */
export function baseRouteOf(base: JsonObject, settings: Settings): RenderedObject {
  const { names, labels, gateway } = settings;
  const spec = objectAt(base, 'spec');
  const rules = objectsAt(spec, 'rules').map((rule) => currentRule(rule, settings));
  return {
    ...named(base, {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      name: names.route,
      labels: labels.object,
    }),
    spec: {
      ...spec,
      parentRefs: parentRefsOf(objectsAt(spec, 'parentRefs'), gateway.refs),
      rules: rules.length === 0 ? routeRulesOf(settings) : rules,
    },
  };
}

/** Gateways of both, by name: the ModelService's refine those of the BaseConfig. */
function parentRefsOf(
  base: readonly JsonObject[],
  refs: Settings['gateway']['refs'],
): readonly JsonObject[] {
  const merged = new Map<string, JsonObject>();
  for (const ref of [...base, ...refs]) {
    const key = JSON.stringify([ref['name'], ref['namespace']]);
    merged.set(key, { ...merged.get(key), ...ref });
  }
  return [...merged.values()];
}

/** A rule whose pools are of the group that the cluster has. */
function currentRule(rule: JsonObject, settings: Settings): JsonObject {
  if (!modernizes(settings)) return rule;
  const backendRefs = objectsAt(rule, 'backendRefs').map(({ port, ...ref }) =>
    ref['group'] === LEGACY
      ? { ...ref, group: CURRENT }
      : { ...ref, ...(port !== undefined && { port }) },
  );
  return { ...rule, backendRefs };
}
