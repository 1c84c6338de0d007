// SPDX-License-Identifier: Apache-2.0
import { isObject, objectAt, objectsAt, type JsonObject, type RenderedObject } from './json.ts';

const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** What does not hold together in a set of rendered objects; none where everything does. */
export function flawsOf(objects: readonly RenderedObject[]): readonly string[] {
  return [
    ...repeated(objects),
    ...objects.flatMap((object) => [
      ...nameFlaws(object),
      ...selectorFlaws(object, objects),
      ...referenceFlaws(object, objects),
    ]),
  ];
}

/** Pod templates of an object, with those of leaders and workers. */
export function templatesOf(object: RenderedObject): readonly JsonObject[] {
  const spec = objectAt(object, 'spec');
  const group = objectAt(spec, 'leaderWorkerTemplate');
  return [spec['template'], group['leaderTemplate'], group['workerTemplate']].filter(isObject);
}

const idOf = ({ kind, metadata }: RenderedObject): string => `${kind} ${metadata.name}`;

function repeated(objects: readonly RenderedObject[]): readonly string[] {
  const ids = objects.map((object) => `${object.apiVersion} ${idOf(object)}`);
  return ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} is there twice`);
}

function nameFlaws(object: RenderedObject): readonly string[] {
  const { name } = object.metadata;
  // Objectives and what a BaseConfig calls its own are named by people.
  if (object.kind === 'InferenceObjective') return [];
  return name.length <= 63 && LABEL.test(name) ? [] : [`${idOf(object)} is no DNS label`];
}

const holds = (selector: JsonObject, labels: JsonObject): boolean =>
  Object.entries(selector).every(([label, value]) => labels[label] === value);

const podLabelsOf = (objects: readonly RenderedObject[]): readonly JsonObject[] =>
  objects
    .flatMap(templatesOf)
    .map((template) => objectAt(objectAt(template, 'metadata'), 'labels'));

function selectorFlaws(
  object: RenderedObject,
  objects: readonly RenderedObject[],
): readonly string[] {
  const spec = objectAt(object, 'spec');
  const selector = selectorOf(object.kind, spec);
  if (selector === undefined) return [];
  if (Object.keys(selector).length === 0) return [`${idOf(object)} selects everything`];
  const own = templatesOf(object).map((template) =>
    objectAt(objectAt(template, 'metadata'), 'labels'),
  );
  const candidates =
    object.kind === 'ServiceMonitor'
      ? objects
          .filter(({ kind }) => kind === 'Service')
          .map(({ metadata }): JsonObject => ({ ...metadata.labels }))
      : own.length > 0
        ? own
        : podLabelsOf(objects);
  const selected = candidates.filter((labels) => holds(selector, labels));
  const needed = own.length > 0 ? own.length : 1;
  return selected.length >= needed ? [] : [`${idOf(object)} selects nothing`];
}

function selectorOf(kind: string, spec: JsonObject): JsonObject | undefined {
  switch (kind) {
    case 'Service':
      return objectAt(spec, 'selector');
    case 'NetworkPolicy':
      return objectAt(objectAt(spec, 'podSelector'), 'matchLabels');
    case 'InferencePool': {
      const selector = objectAt(spec, 'selector');
      return isObject(selector['matchLabels']) ? selector['matchLabels'] : selector;
    }
    case 'Deployment':
    case 'PodDisruptionBudget':
    case 'PodMonitor':
    case 'ServiceMonitor':
      return objectAt(objectAt(spec, 'selector'), 'matchLabels');
    default:
      return undefined;
  }
}

/** Claims and secrets that the author names, who makes them. */
type Reference = readonly [kind: string, name: unknown];

function referenceFlaws(
  object: RenderedObject,
  objects: readonly RenderedObject[],
): readonly string[] {
  const known = new Set(objects.map(idOf));
  return referencesOf(object)
    .filter(([kind, name]) => !known.has(`${kind} ${String(name)}`))
    .map(([kind, name]) => `${idOf(object)} refers to ${kind} ${String(name)}, which is not there`);
}

function referencesOf(object: RenderedObject): readonly Reference[] {
  const spec = objectAt(object, 'spec');
  const templates = templatesOf(object).map((template) => objectAt(template, 'spec'));
  const pods = templates.flatMap((pod): readonly Reference[] => [
    ...(pod['serviceAccountName'] === undefined
      ? []
      : [['ServiceAccount', pod['serviceAccountName']] as const]),
    ...objectsAt(pod, 'volumes').flatMap(volumeReferences),
    ...objectsAt(pod, 'resourceClaims').map(
      (claim) => ['ResourceClaimTemplate', claim['resourceClaimTemplateName']] as const,
    ),
  ]);
  switch (object.kind) {
    case 'InferencePool': {
      const picker = { ...objectAt(spec, 'endpointPickerRef'), ...objectAt(spec, 'extensionRef') };
      return [['Service', picker['name']]];
    }
    case 'HTTPRoute':
      return objectsAt(spec, 'rules')
        .flatMap((rule) => objectsAt(rule, 'backendRefs'))
        .map((ref) => [String(ref['kind']), ref['name']] as const);
    case 'InferenceModel':
    case 'InferenceObjective':
    case 'InferenceModelRewrite':
      return [['InferencePool', objectAt(spec, 'poolRef')['name']]];
    case 'HorizontalPodAutoscaler':
    case 'ScaledObject': {
      const target = objectAt(spec, 'scaleTargetRef');
      return [[String(target['kind']), target['name']]];
    }
    case 'HealthCheckPolicy':
    case 'GCPBackendPolicy':
      return [['InferencePool', objectAt(spec, 'targetRef')['name']]];
    case 'DestinationRule':
      return [['Service', String(spec['host']).split('.')[0]]];
    case 'RoleBinding':
      return [
        ['Role', objectAt(object, 'roleRef')['name']],
        ...objectsAt(object, 'subjects').map(
          (subject) => ['ServiceAccount', subject['name']] as const,
        ),
      ];
    default:
      return pods;
  }
}

function volumeReferences(volume: JsonObject): readonly Reference[] {
  const configMap = objectAt(volume, 'configMap')['name'];
  const claim = objectAt(volume, 'persistentVolumeClaim')['claimName'];
  return [
    ...(configMap === undefined ? [] : [['ConfigMap', configMap] as const]),
    // Claims that are made here have this ending; others are the author's.
    ...(typeof claim === 'string' && claim.endsWith('-model-cache')
      ? [['PersistentVolumeClaim', claim] as const]
      : []),
  ];
}
