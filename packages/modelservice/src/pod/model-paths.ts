// SPDX-License-Identifier: Apache-2.0
import type { ModelSource } from '../model/model-uri.ts';
import { shortHash } from '../names.ts';

/** Where the model's volume is mounted. */
export const MODEL_ROOT = '/model-cache';

/** What decides whether an image is mounted or fetched. */
export interface ImageSupport {
  readonly imageVolume: boolean;
}

/** Whether a source is an image that becomes a volume. */
export const isMountedImage = (source: ModelSource, { imageVolume }: ImageSupport): boolean =>
  source.kind === 'oci' && (source.native || imageVolume);

/** The folder that a source is found in, below `root`. Hubs fill the root themselves. */
export function modelFolderOf(
  source: ModelSource,
  support: ImageSupport,
  root = MODEL_ROOT,
): string {
  switch (source.kind) {
    case 'hf':
    case 'pvc+hf':
      return root;
    case 'pvc':
      return join(root, source.path);
    case 'oci':
      return join(
        isMountedImage(source, support) ? root : imageFolderOf(source.image, root),
        source.path,
      );
    case 's3':
    case 'gs':
      return join(root, `${source.bucket}/${source.path}`);
  }
}

/** Where the files of an image are put that is fetched: a folder of its own. */
export const imageFolderOf = (image: string, root: string): string =>
  `${root}/oci-${shortHash(image)}`;

const join = (root: string, path: string): string => (path === '' ? root : `${root}/${path}`);
