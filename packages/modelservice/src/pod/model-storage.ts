// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { ModelSource } from '../model/model-uri.ts';
import type { LoraSettings, ModelSettings, Settings } from '../settings/settings.ts';
import { fetchOf, type Fetch } from './fetch-container.ts';
import { isMountedImage, MODEL_ROOT, modelFolderOf } from './model-paths.ts';
import type { EnvVar } from './pod.ts';

/** The volume with the model, in every pod that serves it. */
export const MODEL_VOLUME = 'model-storage';
const LORA_ROOT = '/lora-cache';

/** How a model comes into a pod. */
export interface ModelStorage {
  /** What the engine is told to load: the name in a hub, or a folder. */
  readonly model: string;
  readonly loras: readonly LoadedLora[];
  /** For containers that see the model. */
  readonly mounts: readonly JsonObject[];
  readonly env: readonly EnvVar[];
  /** For the pod. */
  readonly volumes: readonly JsonObject[];
  readonly fetches: readonly Fetch[];
  readonly imagePullSecrets: readonly { readonly name: string }[];
}

/** An adapter and where the engine finds it. */
export interface LoadedLora {
  readonly name: string;
  readonly path: string;
  readonly rank: number | undefined;
}

/** How the model and its adapters come into the pods. */
export function modelStorageOf(settings: Settings): ModelStorage {
  const { model, capabilities } = settings;
  const { source } = model;
  const target = { name: 'fetch-model', volume: MODEL_VOLUME, root: MODEL_ROOT };
  const fetch = fetchOf(source, target, settings);
  const loras = model.loras.map((lora, index) => loraStorageOf(lora, index, settings));
  const readOnly = source.kind === 'pvc' || isMountedImage(source, capabilities);
  const mount = { name: MODEL_VOLUME, mountPath: MODEL_ROOT, ...(readOnly && { readOnly }) };
  return {
    model: 'repo' in source ? source.repo : modelFolderOf(source, capabilities),
    loras: loras.map(({ loaded }) => loaded),
    mounts: uniqueByName([mount, ...loras.flatMap(({ mounts }) => mounts)]),
    env: hubEnvOf(model),
    volumes: uniqueByName([modelVolumeOf(settings), ...loras.flatMap(({ volumes }) => volumes)]),
    fetches: [fetch, ...loras.map((lora) => lora.fetch)].filter((each) => each !== undefined),
    imagePullSecrets:
      isMountedImage(source, capabilities) && model.secret ? [{ name: model.secret.name }] : [],
  };
}

const uniqueByName = (items: readonly JsonObject[]): readonly JsonObject[] => [
  ...new Map(items.map((item) => [item['name'], item])).values(),
];

function modelVolumeOf(settings: Settings): JsonObject {
  const { source } = settings.model;
  switch (source.kind) {
    case 'pvc':
      return volume({ persistentVolumeClaim: { claimName: source.claim, readOnly: true } });
    case 'pvc+hf':
      return volume({ persistentVolumeClaim: { claimName: source.claim } });
    case 'oci':
      return isMountedImage(source, settings.capabilities)
        ? volume({ image: { reference: source.image, pullPolicy: 'IfNotPresent' } })
        : volume(cacheVolumeOf(settings));
    default:
      return volume(cacheVolumeOf(settings));
  }
}

const volume = (source: JsonObject): JsonObject => ({ name: MODEL_VOLUME, ...source });

/** Where what is fetched is kept. */
function cacheVolumeOf({ spec, model, names }: Settings): JsonObject {
  const cache = spec.model?.cache;
  if (cache?.pvc !== undefined) {
    return { persistentVolumeClaim: { claimName: cache.pvc.claimName ?? names.modelCache } };
  }
  if (cache?.hostPath !== undefined) {
    return { hostPath: { path: cache.hostPath.path, type: 'DirectoryOrCreate' } };
  }
  const limit = model.size === undefined ? {} : { sizeLimit: model.size };
  return { emptyDir: { ...limit, ...cache?.emptyDir } };
}

function hubEnvOf({ source, secret, loras }: ModelSettings): readonly EnvVar[] {
  const fromHub = [source, ...loras.map((lora) => lora.source)].some(isOfHub);
  const token: readonly EnvVar[] =
    fromHub && secret !== undefined
      ? [{ name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: secret.name, key: secret.key } } }]
      : [];
  if (source.kind === 'hf') return [...token, { name: 'HF_HOME', value: MODEL_ROOT }];
  if (source.kind !== 'pvc+hf') return token;
  const cache = source.cachePath === '' ? MODEL_ROOT : `${MODEL_ROOT}/${source.cachePath}`;
  return [...token, { name: 'HF_HUB_CACHE', value: cache }];
}

const isOfHub = ({ kind }: ModelSource): boolean => kind === 'hf' || kind === 'pvc+hf';

interface LoraStorage {
  readonly loaded: LoadedLora;
  readonly mounts: readonly JsonObject[];
  readonly volumes: readonly JsonObject[];
  readonly fetch?: Fetch | undefined;
}

/** How an adapter comes into the pods: by its name in a hub, from a claim or image, or fetched. */
function loraStorageOf(
  { name, source, rank }: LoraSettings,
  index: number,
  settings: Settings,
): LoraStorage {
  const { capabilities } = settings;
  if ('repo' in source && source.kind === 'hf') {
    return { loaded: { name, path: source.repo, rank }, mounts: [], volumes: [] };
  }
  const own = `lora-${index}`;
  const root = `/loras/${index}`;
  if (source.kind === 'pvc' || source.kind === 'pvc+hf' || isMountedImage(source, capabilities)) {
    return {
      loaded: { name, path: modelFolderOf(source, capabilities, root), rank },
      mounts: [{ name: own, mountPath: root, readOnly: true }],
      volumes: [{ name: own, ...mountedSourceOf(source) }],
    };
  }
  const target = { name: `fetch-lora-${index}`, volume: 'lora-storage', root: LORA_ROOT };
  return {
    loaded: { name, path: modelFolderOf(source, capabilities, LORA_ROOT), rank },
    mounts: [{ name: 'lora-storage', mountPath: LORA_ROOT }],
    volumes: [{ name: 'lora-storage', emptyDir: {} }],
    fetch: fetchOf(source, target, settings),
  };
}

function mountedSourceOf(source: ModelSource): JsonObject {
  if (source.kind === 'oci') {
    return { image: { reference: source.image, pullPolicy: 'IfNotPresent' } };
  }
  const claim = 'claim' in source ? source.claim : '';
  return { persistentVolumeClaim: { claimName: claim, readOnly: true } };
}
