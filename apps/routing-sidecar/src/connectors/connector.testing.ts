// SPDX-License-Identifier: Apache-2.0
import { createRandom } from '@llm-d/determinism';
import type { ApiKind } from '@llm-d/inference-api';
import { readRequestBody } from '../body/request-body.ts';
import type { Connector, InferenceRequest, Plan, PlanContext } from './connector.ts';

/** A request whose body is this object, or this text. */
export function makeRequest(
  body: object | string,
  api: ApiKind = 'chat-completions',
): InferenceRequest {
  const read = readRequestBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
  if (read.kind !== 'object') throw new Error('the body is no object');
  return { api, body: read.body };
}

/** A context for the prefiller 10.0.0.1:8000, with ids `id-1`, `id-2`, ... */
export function makeContext(more: Partial<PlanContext> = {}): PlanContext {
  let ids = 0;
  return {
    target: { host: '10.0.0.1', port: 8000, hostPort: '10.0.0.1:8000' },
    requestId: 'request-1',
    newId: () => `id-${++ids}`,
    settings: {
      sglangBootstrapPort: 8998,
      mooncakeBootstrapPort: 8998,
      p2pConnectorPort: 7777,
      basePort: 8000,
      dataParallelSize: 4,
      pullsFromPeers: false,
    },
    kvCacheSource: undefined,
    engine: undefined,
    epochMs: Date.UTC(2026, 0, 1),
    random: createRandom(1),
    ...more,
  };
}

/** The plan of a connector that works in turn. */
export function sequential(
  connector: Connector,
  request: InferenceRequest,
  context: PlanContext = makeContext(),
): Extract<Plan, { kind: 'sequential' }> {
  const plan = connector.plan(request, context);
  if (plan.kind !== 'sequential') throw new Error('the plan is for both at once');
  return plan;
}

/** The bodies of a connector that works at once. */
export function concurrent(
  connector: Connector,
  request: InferenceRequest,
  context: PlanContext = makeContext(),
): {
  readonly prefill: string;
  readonly decode: string;
  readonly plan: Extract<Plan, { kind: 'concurrent' }>;
} {
  const plan = connector.plan(request, context);
  if (plan.kind !== 'concurrent') throw new Error('the plan is for one after the other');
  return { prefill: plan.prefill.body.toString(), decode: plan.decode.body.toString(), plan };
}
