// SPDX-License-Identifier: Apache-2.0

/** An Envoy that is told everything by Istio's control plane. */
export interface AdsBootstrapOptions {
  /** Where the control plane serves xDS on loopback. */
  readonly xdsPort: number;
  /** Namespace of the Gateway and of the proxy's pod. */
  readonly namespace: string;
  /** Name of the Gateway whose proxy this is. */
  readonly gateway: string;
  /** Name and address of the proxy's pod. */
  readonly pod: string;
  readonly address: string;
}

/** The bootstrap configuration, without `admin`. What is in `node` is how Istio finds the Gateway of the proxy. */
export function adsBootstrap(options: AdsBootstrapOptions): object {
  const { xdsPort, namespace, gateway, pod, address } = options;
  const aggregated = { ads: {}, resource_api_version: 'V3' };
  return {
    node: {
      id: `router~${address}~${pod}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${gateway}.${namespace}`,
      metadata: {
        NAME: pod,
        NAMESPACE: namespace,
        CLUSTER_ID: 'Kubernetes',
        ISTIO_VERSION: '1.31.0',
        LABELS: gatewayLabels(gateway),
      },
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: aggregated,
      lds_config: aggregated,
    },
    static_resources: { clusters: [xdsCluster(xdsPort)] },
  };
}

/** Labels of the pods that are a Gateway's proxies. */
export const gatewayLabels = (gateway: string) => ({
  'gateway.networking.k8s.io/gateway-name': gateway,
});

const xdsCluster = (port: number): object => ({
  name: 'xds',
  type: 'STATIC',
  connect_timeout: '2s',
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: 'xds',
    endpoints: [
      {
        lb_endpoints: [
          {
            endpoint: {
              address: { socket_address: { address: '127.0.0.1', port_value: port } },
            },
          },
        ],
      },
    ],
  },
});
