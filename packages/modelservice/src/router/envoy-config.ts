// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';
import { EXT_PROC_PORT } from './inference-pool.ts';

/** Where Envoy says that it is ready, and its metrics. */
export const READY_PORT = 19001;
const ADMIN_PORT = 19000;
const DESTINATION = 'x-gateway-destination-endpoint';
/** Streams may last a day. */
const STREAM_LIMIT = '86400s';

/**
 * Envoy's own configuration: every request goes where the endpoint picker says. Where requests are to be served without
 * it too, the service of the servers takes those that it has said nothing about.
 */
export function envoyConfigOf(settings: Settings, port: number): JsonObject {
  const { spec, gateway } = settings;
  const failOpen = (spec.endpointPicker?.failureMode ?? 'FailOpen') === 'FailOpen';
  const clusters = [serversCluster, pickerCluster(gateway.tls), adminCluster];
  return {
    admin: { address: socket('127.0.0.1', ADMIN_PORT) },
    static_resources: {
      listeners: [listener(port, failOpen), readyListener],
      clusters: failOpen ? [...clusters, fallbackCluster(settings)] : clusters,
    },
  };
}

const socket = (address: string, port_value: number): JsonObject => ({
  socket_address: { address, port_value },
});
const typed = (name: string, fields: JsonObject): JsonObject => ({
  '@type': `type.googleapis.com/envoy.${name}`,
  ...fields,
});

interface Serving {
  readonly name: string;
  readonly routes: readonly JsonObject[];
  readonly filters?: readonly JsonObject[];
  /** Further fields of the manager. */
  readonly fields?: JsonObject;
}

function connectionManager({ name: prefix, routes, filters = [], fields }: Serving): JsonObject {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: typed('extensions.filters.http.router.v3.Router', {}),
  };
  const manager = {
    ...fields,
    stat_prefix: prefix,
    stream_idle_timeout: '0s',
    request_timeout: '0s',
    route_config: { name: prefix, virtual_hosts: [{ name: prefix, domains: ['*'], routes }] },
    http_filters: [...filters, router],
  };
  const name = 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: typed(name, manager),
  };
}

function listener(port: number, failOpen: boolean): JsonObject {
  const to = (cluster: string) => ({
    route: { cluster, timeout: STREAM_LIMIT, idle_timeout: STREAM_LIMIT },
  });
  const placed = { prefix: '/', headers: [{ name: DESTINATION, present_match: true }] };
  const routes = failOpen
    ? [
        { match: placed, ...to('servers') },
        { match: { prefix: '/' }, ...to('fallback') },
      ]
    : [{ match: { prefix: '/' }, ...to('servers') }];
  return {
    name: 'requests',
    address: socket('0.0.0.0', port),
    filter_chains: [
      {
        filters: [
          connectionManager({
            name: 'requests',
            routes,
            filters: [asksPicker(failOpen)],
            fields: forgetsDestination,
          }),
        ],
      },
    ],
  };
}

/** A client must not say itself where its request goes. Early: the route is chosen by this header. */
const forgetsDestination: JsonObject = {
  early_header_mutation_extensions: [
    {
      name: 'envoy.http.early_header_mutation.header_mutation',
      typed_config: typed(
        'extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
        {
          mutations: [{ remove: DESTINATION }],
        },
      ),
    },
  ],
};

const asksPicker = (failOpen: boolean): JsonObject => ({
  name: 'envoy.filters.http.ext_proc',
  typed_config: typed('extensions.filters.http.ext_proc.v3.ExternalProcessor', {
    grpc_service: {
      envoy_grpc: { cluster_name: 'picker', authority: 'localhost' },
      timeout: '10s',
    },
    failure_mode_allow: failOpen,
    // The route depends on the header that it sets.
    route_cache_action: 'CLEAR',
    message_timeout: '1000s',
    processing_mode: {
      request_header_mode: 'SEND',
      request_body_mode: 'FULL_DUPLEX_STREAMED',
      request_trailer_mode: 'SEND',
      response_header_mode: 'SEND',
      response_body_mode: 'FULL_DUPLEX_STREAMED',
      response_trailer_mode: 'SEND',
    },
  }),
});

/** Readiness and metrics of the proxy, and nothing else of its administration. */
const readyListener: JsonObject = {
  name: 'ready',
  address: socket('0.0.0.0', READY_PORT),
  filter_chains: [
    {
      filters: [
        connectionManager({
          name: 'ready',
          routes: ['/ready', '/stats/prometheus'].map((path) => ({
            match: { path },
            route: { cluster: 'admin' },
          })),
        }),
      ],
    },
  ],
};

const breakers = {
  thresholds: [{ max_connections: 40000, max_pending_requests: 40000, max_requests: 40000 }],
};

const serversCluster: JsonObject = {
  name: 'servers',
  type: 'ORIGINAL_DST',
  lb_policy: 'CLUSTER_PROVIDED',
  connect_timeout: '5s',
  original_dst_lb_config: { use_http_header: true, http_header_name: DESTINATION },
  circuit_breakers: breakers,
};

const loopback = (name: string, port: number): JsonObject => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('127.0.0.1', port) } }] }],
});

const adminCluster: JsonObject = {
  name: 'admin',
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: loopback('admin', ADMIN_PORT),
};

/** The service of the servers that answer, by its name. */
function fallbackCluster({ names, roles }: Settings): JsonObject {
  const [port = 8000] = roles[0]?.ports.service ?? [];
  const address = socket(names.decodeService, port);
  return {
    name: 'fallback',
    type: 'STRICT_DNS',
    connect_timeout: '5s',
    circuit_breakers: breakers,
    load_assignment: {
      cluster_name: 'fallback',
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
  };
}

const pickerCluster = (tls: boolean): JsonObject => ({
  name: 'picker',
  type: 'STATIC',
  connect_timeout: '5s',
  circuit_breakers: breakers,
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
      'extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
  ...(tls && {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      // It has a certificate of its own making, and it is in the same pod.
      typed_config: typed('extensions.transport_sockets.tls.v3.UpstreamTlsContext', {}),
    },
  }),
  load_assignment: loopback('picker', EXT_PROC_PORT),
});
