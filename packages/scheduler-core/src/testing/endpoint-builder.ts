// SPDX-License-Identifier: Apache-2.0
import {
  endpointId,
  formatHostPort,
  unknownMetrics,
  type Endpoint,
  type EngineMetrics,
} from '../endpoint.ts';

/** An endpoint that can be described step by step; it is an endpoint at every step. */
export interface EndpointBuilder extends Endpoint {
  queue(waitingRequests: number): EndpointBuilder;
  running(runningRequests: number): EndpointBuilder;
  kvUsage(share: number): EndpointBuilder;
  reserved(requests: number): EndpointBuilder;
  label(key: string, value: string): EndpointBuilder;
  metric(metrics: Partial<EngineMetrics>): EndpointBuilder;
  at(address: string, port: number): EndpointBuilder;
}

const slotOfName = (name: string): number =>
  // Letters a, b, c… take slots 0, 1, 2…; other names spread by their bytes.
  /^[a-z]$/.test(name)
    ? name.charCodeAt(0) - 97
    : Array.from(name).reduce((slot, letter) => (slot * 31 + letter.charCodeAt(0)) % 4096, 26);

/** An idle endpoint in namespace `default`; single letters get slots 0, 1, 2… */
export function makeEndpoint(name: string, slot = slotOfName(name)): EndpointBuilder {
  const address = `10.0.${slot >> 8}.${(slot & 255) + 1}`;
  return build({
    id: endpointId('default', name, 0),
    namespace: 'default',
    name,
    rank: 0,
    address,
    port: 8000,
    hostPort: formatHostPort(address, 8000),
    labels: {},
    slot,
    metrics: { ...unknownMetrics, updatedAtMs: 0 },
    reservedRequests: 0,
  });
}

function build(endpoint: Endpoint): EndpointBuilder {
  const metric = (metrics: Partial<EngineMetrics>): EndpointBuilder =>
    build({ ...endpoint, metrics: { ...endpoint.metrics, ...metrics } });
  const steps: Omit<EndpointBuilder, keyof Endpoint> = {
    queue: (waitingRequests) => metric({ waitingRequests }),
    running: (runningRequests) => metric({ runningRequests }),
    kvUsage: (kvCacheUsage) => metric({ kvCacheUsage }),
    reserved: (reservedRequests) => build({ ...endpoint, reservedRequests }),
    label: (key, value) => build({ ...endpoint, labels: { ...endpoint.labels, [key]: value } }),
    metric,
    at: (address, port) =>
      build({ ...endpoint, address, port, hostPort: formatHostPort(address, port) }),
  };
  // Steps stay out of comparisons and spreads, so that a built endpoint equals a plain one.
  const hidden = Object.fromEntries(
    Object.entries(steps).map(([step, value]) => [step, { value, enumerable: false }]),
  );
  return Object.defineProperties({ ...endpoint }, hidden) as EndpointBuilder;
}
