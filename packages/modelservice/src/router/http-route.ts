// SPDX-License-Identifier: Apache-2.0
import type { JsonObject, RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';

const DEFAULT_TIMEOUT_SECONDS = 300;

/** The route that leads from gateways to the pool. */
export function httpRouteOf(settings: Settings): RenderedObject {
  const { names, labels, gateway, spec } = settings;
  const route = spec.gateway?.route;
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: {
      name: names.route,
      labels: labels.object,
      ...(route?.annotations && { annotations: route.annotations }),
    },
    spec: {
      parentRefs: gateway.refs,
      ...(route?.hostnames && { hostnames: route.hostnames }),
      rules: routeRulesOf(settings),
    },
  };
}

/** Rules that send to the pool what is for the model. */
export function routeRulesOf(settings: Settings): readonly JsonObject[] {
  const { names, gateway, spec, model } = settings;
  const route = spec.gateway?.route;
  const path = { type: 'PathPrefix', value: route?.pathPrefix ?? '/' };
  const header = { type: 'Exact', name: 'X-Gateway-Base-Model-Name', value: model.name };
  const seconds = route?.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const rewrite = {
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
  };
  return [
    {
      matches: [{ path, ...(route?.modelHeader === true && { headers: [header] }) }],
      ...(path.value !== '/' && { filters: [rewrite] }),
      backendRefs: [
        {
          group: 'inference.networking.k8s.io',
          kind: 'InferencePool',
          name: names.pool,
          weight: 1,
        },
      ],
      // Google's gateways refuse it; there the limit is in the backend's policy.
      ...(gateway.provider !== 'gke' && { timeouts: { request: `${seconds}s` } }),
    },
  ];
}

/** Longest that an answer may take. */
export const routeTimeoutSecondsOf = ({ spec }: Settings): number =>
  spec.gateway?.route?.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
