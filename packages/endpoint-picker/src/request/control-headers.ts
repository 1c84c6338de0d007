// SPDX-License-Identifier: Apache-2.0

/** What a client or a proxy says about a request in headers, apart from what it asks the model. */
export type ControlPurpose = 'fairness-id' | 'objective' | 'model' | 'slo-ttft-ms' | 'slo-tpot-ms';

/** Each purpose's header, and its name of former versions, which is still read. */
const KEYS: Readonly<Record<ControlPurpose, readonly [current: string, former: string]>> = {
  'fairness-id': ['x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id'],
  objective: ['x-llm-d-inference-objective', 'x-gateway-inference-objective'],
  model: ['x-llm-d-model-name-rewrite', 'x-gateway-model-name-rewrite'],
  'slo-ttft-ms': ['x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms'],
  'slo-tpot-ms': ['x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'],
};

/** Tells the proxy where the request goes; also the key of the same value in metadata. */
export const destinationEndpointKey = 'x-gateway-destination-endpoint';
/** Tells a client why its request was dropped. */
export const droppedReasonHeader = 'x-llm-d-request-dropped-reason';

/** The value that headers (lower-case names) carry for a purpose: of the current name, else of the former one. */
export function controlHeader(
  headers: ReadonlyMap<string, string>,
  purpose: ControlPurpose,
): string | undefined {
  const [current, former] = KEYS[purpose];
  return headers.get(current) ?? headers.get(former);
}

/** Headers that steer the endpoint picker and say nothing to a model server. */
const SYSTEM_OWNED = new Set([
  ...Object.values(KEYS).flat(),
  destinationEndpointKey,
  'x-gateway-destination-endpoint-subset',
  'x-gateway-destination-endpoint-served',
  'x-llm-d-video-fps',
  'x-llm-d-video-duration-seconds',
  'x-llm-d-video-resolution',
  droppedReasonHeader,
  'content-length',
]);

/** Whether a lower-case name is left out where the headers of a request or an answer are repeated to the proxy. */
export const isSystemOwnedHeader = (name: string): boolean => SYSTEM_OWNED.has(name);

/** What the parts of the platform tell each other behind the endpoint picker; from a client it is a forgery. */
const PLATFORM = new Set([
  destinationEndpointKey,
  'x-gateway-destination-endpoint-subset',
  'x-gateway-destination-endpoint-served',
  'x-gateway-destination-endpoint-scores',
  droppedReasonHeader,
  'x-llm-d-debug',
  'epp-profile',
  'test-epp-endpoint-selection',
  'x-conformance-test-served-endpoint',
]);
const PLATFORM_PREFIXES = [
  'x-prefiller-',
  'x-encoder-',
  'x-data-parallel-',
  'x-kv-cache-source-',
] as const;

/** Whether a lower-case name is one that only the platform itself may set, whoever the client is. */
export function isPlatformHeader(name: string): boolean {
  if (PLATFORM.has(name)) return true;
  return name.startsWith('x-') && PLATFORM_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * Whether a lower-case name steers the platform at all: what {@link isPlatformHeader} names, and what a trusted proxy
 * may say about fairness, objectives and models. For fronts whose clients are not to be believed.
 */
export function isControlHeader(name: string): boolean {
  if (!name.startsWith('x-')) return PLATFORM.has(name);
  return (
    name.startsWith('x-gateway-') ||
    name.startsWith('x-llm-d-') ||
    SYSTEM_OWNED.has(name) ||
    isPlatformHeader(name)
  );
}
