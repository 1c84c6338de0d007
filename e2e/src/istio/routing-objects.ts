// SPDX-License-Identifier: Apache-2.0
import { gatewayLabels } from './ads-bootstrap.ts';
import { poolGroup, type Space } from '../kubernetes/cluster.ts';

export const GATEWAY = 'inference-gateway';
/** The port of the Service `epp` that the pool names; where it leads is up to its EndpointSlice. */
export const EPP_SERVICE_PORT = 9002;

/** What nodes and controllers would know, and nobody here but the test does. */
export interface Placement {
  /** Address of this machine that is not loopback: the API server lets no EndpointSlice lead to loopback. */
  readonly address: string;
  /** Where the Gateway listens. */
  readonly gatewayPort: number;
  /** Where the endpoint picker serves ext_proc. */
  readonly eppPort: number;
}

/** A Gateway whose proxies are somebody else's business, and the Service that its pods are behind. */
export async function createGateway(
  space: Space,
  { address, gatewayPort }: Placement,
): Promise<void> {
  await space.create('api/v1/services', {
    metadata: { name: GATEWAY },
    spec: {
      selector: gatewayLabels(GATEWAY),
      ports: [{ name: 'http', port: gatewayPort, targetPort: gatewayPort }],
    },
  });
  await createSlice(space, GATEWAY, { address, ports: { http: gatewayPort } });
  await space.createPod('gw-0', address, { labels: gatewayLabels(GATEWAY) });
  await space.create('apis/gateway.networking.k8s.io/v1/gateways', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: GATEWAY },
    spec: {
      gatewayClassName: 'istio',
      addresses: [{ type: 'Hostname', value: `${GATEWAY}.${space.name}.svc.cluster.local` }],
      listeners: [{ name: 'http', port: gatewayPort, protocol: 'HTTP' }],
    },
  });
}

/** The Service of the endpoint picker, and that it speaks TLS with a certificate of its own making. */
export async function createEppService(
  space: Space,
  { address, eppPort }: Placement,
): Promise<void> {
  await space.create('api/v1/services', {
    metadata: { name: 'epp' },
    spec: { ports: [{ name: 'grpc-ext-proc', port: EPP_SERVICE_PORT, appProtocol: 'http2' }] },
  });
  await createSlice(space, 'epp', eppTarget(address, eppPort));
  await space.create('apis/networking.istio.io/v1/destinationrules', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'epp' },
    spec: {
      host: `epp.${space.name}.svc.cluster.local`,
      trafficPolicy: { tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
    },
  });
}

/** Everything that comes to the Gateway goes to the pool. */
export const createRoute = (space: Space): Promise<void> =>
  space.create('apis/gateway.networking.k8s.io/v1/httproutes', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'llama' },
    spec: {
      parentRefs: [{ name: GATEWAY }],
      rules: [{ backendRefs: [{ group: poolGroup, kind: 'InferencePool', name: 'llama' }] }],
    },
  });

/** Where a Service leads, and whether what is there is ready (default true). */
export interface SliceTarget {
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly ready?: boolean;
}

const SLICES = 'apis/discovery.k8s.io/v1/endpointslices';

const sliceOf = (service: string, { address, ports, ready = true }: SliceTarget) => ({
  metadata: { name: `${service}-1`, labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready } }],
  ports: Object.entries(ports).map(([name, port]) => ({ name, port, protocol: 'TCP' })),
});

/** What the controller of EndpointSlices would write for a Service. */
export const createSlice = (space: Space, service: string, to: SliceTarget): Promise<void> =>
  space.create(SLICES, sliceOf(service, to));

/** What it would write when the readiness of the endpoint picker's pod changes. */
export async function setEppReady(
  space: Space,
  { address, eppPort }: Placement,
  ready: boolean,
): Promise<void> {
  const slice = sliceOf('epp', { ...eppTarget(address, eppPort), ready });
  const path = `/apis/discovery.k8s.io/v1/namespaces/${space.name}/endpointslices/epp-1`;
  const { status, body } = await space.plane.ask('PUT', path, slice);
  if (status !== 200) throw new Error(`an EndpointSlice was refused: ${JSON.stringify(body)}`);
}

const eppTarget = (address: string, eppPort: number): SliceTarget => ({
  address,
  ports: { 'grpc-ext-proc': eppPort },
});
