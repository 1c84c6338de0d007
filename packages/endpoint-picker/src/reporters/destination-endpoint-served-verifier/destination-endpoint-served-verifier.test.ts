import type { DynamicMetadata } from '@llm-d/scheduler-core';
import { makeCycle, makeEndpoint, makePlugin } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { destinationEndpointServedVerifier } from './destination-endpoint-served-verifier.ts';

const KEY = 'x-gateway-destination-endpoint-served';

test.each<[string, DynamicMetadata | undefined, string]>([
  ['who served it', { 'envoy.lb': { [KEY]: '10.0.0.1:3000' } }, '10.0.0.1:3000'],
  ['that the proxy says nothing', undefined, 'fail: missing envoy lb metadata'],
  ['that the proxy says other things', { other: {} }, 'fail: missing envoy lb metadata'],
  [
    'that the proxy does not say who',
    { 'envoy.lb': {} },
    'fail: missing destination endpoint served metadata',
  ],
  [
    'that the proxy says something strange',
    { 'envoy.lb': { [KEY]: 3 } },
    'fail: missing destination endpoint served metadata',
  ],
])('the answer tells %s', (_, metadata, expected) => {
  const { response } = makePlugin(destinationEndpointServedVerifier);
  const result = {
    kind: 'scheduled',
    primary: 'default',
    endpoints: [makeEndpoint('a')],
    outcomes: new Map(),
  } as const;
  const added = new Map<string, string>();
  response?.responseHeaders?.({ cycle: makeCycle(), result }, new Map(), added, metadata);
  expect([...added]).toEqual([['x-conformance-test-served-endpoint', expected]]);
});
