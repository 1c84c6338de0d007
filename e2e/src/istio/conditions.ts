// SPDX-License-Identifier: Apache-2.0
import type { Space } from '../kubernetes/cluster.ts';
import { GATEWAY } from './routing-objects.ts';

interface Conditions {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}
interface Status {
  readonly status?: Conditions & { readonly parents?: readonly Conditions[] };
}

/** `type=status` of each condition of an object, sorted. */
export type WrittenConditions = Readonly<Record<'gateway' | 'route' | 'pool', readonly string[]>>;

/** What Istio has written about the Gateway, the route and the pool of a namespace. */
export async function conditionsOf(space: Space): Promise<WrittenConditions> {
  const read = async (path: string): Promise<readonly string[]> => {
    const { body } = await space.plane.ask('GET', path.replace('NS', `namespaces/${space.name}`));
    const { conditions = [], parents = [] } = (body as Status).status ?? {};
    const all = [...conditions, ...parents.flatMap((parent) => parent.conditions ?? [])];
    return all.map(({ type, status }) => `${type}=${status}`).sort();
  };
  const api = '/apis/gateway.networking.k8s.io/v1/NS';
  return {
    gateway: await read(`${api}/gateways/${GATEWAY}`),
    route: await read(`${api}/httproutes/llama`),
    pool: await read('/apis/inference.networking.k8s.io/v1/NS/inferencepools/llama'),
  };
}
