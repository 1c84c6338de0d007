// SPDX-License-Identifier: Apache-2.0
import { definePlugin, type DynamicMetadata } from '@llm-d/scheduler-core';
import * as z from 'zod';

const HEADER = 'x-conformance-test-served-endpoint';
const NAMESPACE = 'envoy.lb';
const KEY = 'x-gateway-destination-endpoint-served';

/** Shows in a header of the answer which endpoint the proxy says has served it. For conformance tests. */
export const destinationEndpointServedVerifier = definePlugin({
  type: 'destination-endpoint-served-verifier',
  summary: `For conformance tests: tells the client in ${HEADER} which endpoint the proxy says has served it.`,
  stability: 'beta',
  points: ['response'],
  parameters: z.strictObject({}),
  create: () => ({
    response: {
      responseHeaders: (_exchange, _headers, clientHeaders, metadata) => {
        clientHeaders.set(HEADER, verdict(metadata));
      },
    },
  }),
});

/** Word for word what the conformance suite of the Gateway API Inference Extension looks for. */
function verdict(metadata: DynamicMetadata | undefined): string {
  const values = metadata?.[NAMESPACE];
  if (values === undefined) return 'fail: missing envoy lb metadata';
  const served = values[KEY];
  return typeof served === 'string' ? served : 'fail: missing destination endpoint served metadata';
}
