// SPDX-License-Identifier: Apache-2.0
import type { KubeRequest } from '../client/transport.ts';
import type { Operation } from './faults.ts';
import { badRequest, notFound } from './refusal.ts';

/** What a request asks for. */
export interface Route extends Operation {
  readonly version: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly status: boolean;
  readonly query: URLSearchParams;
}

/** Reads the path and the method of a request. Throws a `Refusal` where they mean nothing. */
export function routeOf({ method, path }: Pick<KubeRequest, 'method' | 'path'>): Route {
  const url = new URL(path, 'http://fake');
  const [root, ...parts] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const [group, version, ...rest] = root === 'api' ? ['', ...parts] : parts;
  if ((root !== 'api' && root !== 'apis') || group === undefined || version === undefined) {
    throw notFound(url.pathname);
  }
  const inNamespace = rest[0] === 'namespaces' && rest[2] !== undefined && rest[2] !== 'status';
  const [plural, name, subresource] = inNamespace ? rest.slice(2) : rest;
  if (plural === undefined || (subresource !== undefined && subresource !== 'status')) {
    throw notFound(url.pathname);
  }
  return {
    group,
    version,
    plural,
    namespace: inNamespace ? rest[1] : undefined,
    name,
    status: subresource === 'status',
    query: url.searchParams,
    verb: verbOf(method, name, url.searchParams),
  };
}

function verbOf(
  method: KubeRequest['method'],
  name: string | undefined,
  query: URLSearchParams,
): Operation['verb'] {
  switch (method) {
    case 'GET':
      if (name !== undefined) return 'get';
      return query.get('watch') === 'true' ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      if (name === undefined) throw badRequest('collections are not deleted here');
      return 'delete';
  }
}
