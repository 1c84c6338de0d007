// SPDX-License-Identifier: Apache-2.0

/** Where a model is. */
export type ModelSource =
  | { readonly kind: 'hf'; readonly repo: string }
  | { readonly kind: 'pvc'; readonly claim: string; readonly path: string }
  | {
      readonly kind: 'pvc+hf';
      readonly claim: string;
      readonly cachePath: string;
      readonly repo: string;
    }
  | {
      readonly kind: 'oci';
      readonly image: string;
      readonly path: string;
      readonly native: boolean;
    }
  | { readonly kind: 's3' | 'gs'; readonly bucket: string; readonly path: string };

/** A source, or what is wrong with the text. */
export type ParsedUri = { readonly source: ModelSource } | { readonly message: string };

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const IMAGE = /^[a-z0-9][\w.:-]*(\/[\w.-]+)*(:[\w][\w.-]{0,127})?(@sha256:[a-f0-9]{64})?$/;

/**
 * Reads `hf://org/model`, `pvc://claim/path`, `pvc+hf://claim/cache/org/model`, `oci://image[::/path]` (also
 * `oci+native://`), `s3://bucket/path` and `gs://bucket/path`.
 */
export function parseModelUri(uri: string): ParsedUri {
  const [, scheme, rest = ''] = /^([a-z0-9+]+):\/\/(.*)$/s.exec(uri) ?? [];
  switch (scheme) {
    case 'hf':
      return repoOf(rest.split('/'));
    case 'pvc':
      return claimOf(rest);
    case 'pvc+hf':
      return cachedRepoOf(rest.split('/'));
    case 'oci':
    case 'oci+native':
      return imageOf(rest, scheme === 'oci+native');
    case 's3':
    case 'gs':
      return bucketOf(scheme, rest);
    default:
      return {
        message: 'must begin with hf://, pvc://, pvc+hf://, oci://, oci+native://, s3:// or gs://',
      };
  }
}

function repoOf(segments: readonly string[]): ParsedUri {
  return segments.length === 2 && segments.every(isSegment)
    ? { source: { kind: 'hf', repo: segments.join('/') } }
    : { message: 'must be hf://<organisation>/<model>' };
}

function claimOf(rest: string): ParsedUri {
  const [claim = '', ...path] = rest.split('/');
  const inside = path.filter((segment) => segment !== '');
  return isClaim(claim) && inside.length > 0 && inside.every(isPathSegment)
    ? { source: { kind: 'pvc', claim, path: inside.join('/') } }
    : { message: 'must be pvc://<claim>/<path>' };
}

function cachedRepoOf(segments: readonly string[]): ParsedUri {
  const [claim = '', ...rest] = segments;
  const cache = rest.slice(0, -2);
  const repo = rest.slice(-2);
  const valid =
    isClaim(claim) && repo.length === 2 && repo.every(isSegment) && cache.every(isPathSegment);
  return valid
    ? { source: { kind: 'pvc+hf', claim, cachePath: cache.join('/'), repo: repo.join('/') } }
    : { message: 'must be pvc+hf://<claim>/<path of the cache>/<organisation>/<model>' };
}

function imageOf(rest: string, native: boolean): ParsedUri {
  const [image = '', path = '/models', ...more] = rest.split('::');
  const inside = path.split('/').filter((segment) => segment !== '');
  const valid =
    IMAGE.test(image) && path.startsWith('/') && inside.every(isPathSegment) && more.length === 0;
  return valid
    ? { source: { kind: 'oci', image, path: inside.join('/'), native } }
    : { message: 'must be oci://<image>[:<tag>][::/<path in the image>]' };
}

function bucketOf(kind: 's3' | 'gs', rest: string): ParsedUri {
  const [bucket = '', ...path] = rest.split('/');
  const inside = path.filter((segment) => segment !== '');
  return isClaim(bucket) && inside.length > 0 && inside.every(isPathSegment)
    ? { source: { kind, bucket, path: inside.join('/') } }
    : { message: `must be ${kind}://<bucket>/<path>` };
}

const isSegment = (text: string): boolean => SEGMENT.test(text);
const isClaim = (text: string): boolean => text.length <= 253 && NAME.test(text);
// Neither leaves the folder nor ends a word of a shell.
const isPathSegment = (text: string): boolean => /^[\w.@+=-]+$/.test(text) && !/^\.+$/.test(text);
