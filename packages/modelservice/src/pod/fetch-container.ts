// SPDX-License-Identifier: Apache-2.0
import type { ModelSource } from '../model/model-uri.ts';
import type { SecretRef, Settings } from '../settings/settings.ts';
import { imageFolderOf, isMountedImage, modelFolderOf } from './model-paths.ts';
import type { Container, EnvVar } from './pod.ts';

/** Where the secret of a fetch is mounted. */
const SECRET_PATH = '/var/run/secrets/model';
/** The volume with it. */
const SECRET_VOLUME = 'model-secret';

/** An init container that fetches a source, with the volumes it needs. */
export interface Fetch {
  readonly container: Container;
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

/** What a fetch is called and where it writes. */
export interface FetchTarget {
  readonly name: string;
  readonly volume: string;
  readonly root: string;
}

/** The fetch of a source, or undefined for one that is mounted or that the engine loads itself. */
export function fetchOf(
  source: ModelSource,
  target: FetchTarget,
  settings: Settings,
): Fetch | undefined {
  const command = commandOf(source, target, settings);
  if (command === undefined) return undefined;
  const { secret } = settings.model;
  const access =
    secret === undefined ? { env: [], mounts: [], volumes: [] } : accessOf(source, secret);
  return {
    container: {
      name: target.name,
      ...command,
      env: [{ name: 'HOME', value: '/tmp' }, ...access.env],
      ...(source.kind === 's3' && secret && { envFrom: [{ secretRef: { name: secret.name } }] }),
      resources: { requests: { cpu: '100m', memory: '256Mi' } },
      volumeMounts: [
        { name: target.volume, mountPath: target.root },
        { name: 'fetch-tmp', mountPath: '/tmp' },
        ...access.mounts,
      ],
    },
    volumes: [{ name: 'fetch-tmp', emptyDir: {} }, ...access.volumes],
  };
}

function commandOf(
  source: ModelSource,
  { root }: FetchTarget,
  { images, capabilities }: Settings,
): Pick<Container, 'image' | 'command' | 'args'> | undefined {
  const folder = modelFolderOf(source, capabilities, root);
  switch (source.kind) {
    case 's3':
      return {
        image: images.fetchS3,
        command: ['aws'],
        args: ['s3', 'sync', '--no-progress', `s3://${source.bucket}/${source.path}`, folder],
      };
    case 'gs':
      return {
        image: images.fetchGs,
        command: ['gcloud'],
        args: ['storage', 'rsync', '--recursive', `gs://${source.bucket}/${source.path}`, folder],
      };
    case 'oci':
      return isMountedImage(source, capabilities)
        ? undefined
        : {
            image: images.fetchOci,
            command: ['sh', '-c', UNPACK, 'fetch'],
            args: [source.image, imageFolderOf(source.image, root)],
          };
    default:
      return undefined;
  }
}

// Complete once the marker is there: a fetch that was cut off begins anew.
const UNPACK =
  '[ -e "$2/.complete" ] || { mkdir -p "$2" && crane export "$1" - | tar -x -C "$2" && touch "$2/.complete"; }';

interface Access {
  readonly env: readonly EnvVar[];
  readonly mounts: readonly object[];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

/** How the fetching program is given the secret. S3 takes it as variables. */
function accessOf(source: ModelSource, { name, key }: SecretRef): Access {
  if (source.kind !== 'gs' && source.kind !== 'oci') return { env: [], mounts: [], volumes: [] };
  const path = source.kind === 'oci' ? 'config.json' : key;
  return {
    env:
      source.kind === 'oci'
        ? [{ name: 'DOCKER_CONFIG', value: SECRET_PATH }]
        : [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: `${SECRET_PATH}/${path}` }],
    mounts: [{ name: SECRET_VOLUME, mountPath: SECRET_PATH, readOnly: true }],
    volumes: [{ name: SECRET_VOLUME, secret: { secretName: name, items: [{ key, path }] } }],
  };
}
