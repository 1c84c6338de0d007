// SPDX-License-Identifier: Apache-2.0

/** How the Envoy of a test stands between its clients and an endpoint picker. */
export interface BootstrapOptions {
  readonly listenerPort: number;
  readonly eppPort: number;
  /** Whether ext_proc goes over TLS, whose certificate is not verified, as everywhere in practice. Default true. */
  readonly tls?: boolean;
  /** Let requests pass without the endpoint picker when it cannot be reached. Default false. */
  readonly failOpen?: boolean;
  /** `:authority` of ext_proc streams. Default what the standalone chart sends; Istio sends its cluster's name. */
  readonly authority?: string;
  /** How the destination is taken over. Default `header`. */
  readonly destination?: Destination;
}

/**
 * `header`: ORIGINAL_DST over the destination header, one address only, as the standalone chart has it. `override-host`:
 * a list of hosts, from metadata, with fall-back to round robin, as Istio has it; needs the `hosts` to choose from.
 */
export type Destination =
  | { readonly kind: 'header' }
  | { readonly kind: 'override-host'; readonly hosts: readonly string[] };

const typed = (name: string): { '@type': string } => ({ '@type': `type.googleapis.com/${name}` });
const socketAddress = (address: string, port: number) => ({
  socket_address: { address, port_value: port },
});
const roomy = {
  thresholds: [{ max_connections: 40_000, max_pending_requests: 40_000, max_requests: 40_000 }],
};
const DESTINATION_HEADER = 'x-gateway-destination-endpoint';
const DAY = '86400s';

/** Envoy's bootstrap configuration for {@link BootstrapOptions}. */
export function bootstrap(options: BootstrapOptions): object {
  return {
    static_resources: {
      listeners: [listener(options)],
      clusters: [pool(options.destination ?? { kind: 'header' }), epp(options)],
    },
  };
}

function listener({ listenerPort, destination, ...options }: BootstrapOptions): object {
  const retries = {
    retry_policy: {
      retry_on: 'connect-failure',
      num_retries: 2,
      retry_host_predicate: [
        {
          name: 'envoy.retry_host_predicates.previous_hosts',
          typed_config: typed(
            'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
          ),
        },
      ],
    },
  };
  const route = {
    cluster: 'pool',
    timeout: DAY,
    idle_timeout: DAY,
    ...(destination?.kind === 'override-host' && retries),
  };
  return {
    name: 'inference',
    address: socketAddress('127.0.0.1', listenerPort),
    per_connection_buffer_limit_bytes: 32_768,
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              ...typed(
                'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              ),
              stat_prefix: 'inference',
              codec_type: 'AUTO',
              route_config: {
                virtual_hosts: [
                  { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route }] },
                ],
              },
              http_filters: [extProc(options), router],
            },
          },
        ],
      },
    ],
  };
}

const router = {
  name: 'envoy.filters.http.router',
  typed_config: {
    ...typed('envoy.extensions.filters.http.router.v3.Router'),
    suppress_envoy_headers: true,
  },
};

function extProc({ failOpen, authority }: Pick<BootstrapOptions, 'failOpen' | 'authority'>) {
  const namespaces = { untyped: ['envoy.lb', 'envoy.lb.subset_hint'] };
  return {
    name: 'envoy.filters.http.ext_proc',
    typed_config: {
      ...typed('envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor'),
      failure_mode_allow: failOpen ?? false,
      message_timeout: '1000s',
      grpc_service: {
        envoy_grpc: { cluster_name: 'epp', authority: authority ?? 'localhost:9002' },
        timeout: '10s',
      },
      processing_mode: {
        request_header_mode: 'SEND',
        request_body_mode: 'FULL_DUPLEX_STREAMED',
        request_trailer_mode: 'SEND',
        response_header_mode: 'SEND',
        response_body_mode: 'FULL_DUPLEX_STREAMED',
        response_trailer_mode: 'SEND',
      },
      metadata_options: { forwarding_namespaces: namespaces, receiving_namespaces: namespaces },
    },
  };
}

function pool(destination: Destination): object {
  if (destination.kind === 'header') {
    return {
      name: 'pool',
      type: 'ORIGINAL_DST',
      lb_policy: 'CLUSTER_PROVIDED',
      connect_timeout: '5s',
      circuit_breakers: roomy,
      original_dst_lb_config: { use_http_header: true, http_header_name: DESTINATION_HEADER },
    };
  }
  return {
    name: 'pool',
    type: 'STATIC',
    connect_timeout: '5s',
    circuit_breakers: roomy,
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: 'envoy.load_balancing_policies.override_host',
            typed_config: {
              ...typed('envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost'),
              override_host_sources: [
                { metadata: { key: 'envoy.lb', path: [{ key: DESTINATION_HEADER }] } },
              ],
              selected_host_key: {
                key: 'envoy.lb',
                path: [{ key: 'x-gateway-destination-endpoint-served' }],
              },
              fallback_policy: {
                policies: [
                  {
                    typed_extension_config: {
                      name: 'envoy.load_balancing_policies.round_robin',
                      typed_config: typed(
                        'envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin',
                      ),
                    },
                  },
                ],
              },
            },
          },
        },
      ],
    },
    load_assignment: {
      cluster_name: 'pool',
      endpoints: [{ lb_endpoints: destination.hosts.map(hostOf) }],
    },
  };
}

function hostOf(hostPort: string) {
  const at = hostPort.lastIndexOf(':');
  const address = socketAddress(hostPort.slice(0, at), Number(hostPort.slice(at + 1)));
  return { endpoint: { address } };
}

function epp({ eppPort, tls, failOpen }: BootstrapOptions): object {
  return {
    name: 'epp',
    type: 'STATIC',
    connect_timeout: '5s',
    circuit_breakers: roomy,
    // Only a cluster that knows its server to be gone, and does not panic, lets every kind of request pass.
    ...(failOpen && {
      common_lb_config: { healthy_panic_threshold: { value: 0 } },
      health_checks: [
        {
          timeout: '1s',
          interval: '0.2s',
          no_traffic_interval: '0.2s',
          unhealthy_threshold: 1,
          healthy_threshold: 1,
          grpc_health_check: { service_name: 'envoy.service.ext_proc.v3.ExternalProcessor' },
        },
      ],
    }),
    ...(tls !== false && {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: {
          ...typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
          common_tls_context: { alpn_protocols: ['h2'] },
        },
      },
    }),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        ...typed('envoy.extensions.upstreams.http.v3.HttpProtocolOptions'),
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: 'epp',
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: socketAddress('127.0.0.1', eppPort) } }] },
      ],
    },
  };
}
