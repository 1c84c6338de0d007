import { describe, expect, test } from 'vitest';
import { findEnvoy, startEnvoy } from './envoy.ts';
import { isSkipped, pathOf, titleWith } from './real-part.ts';

const envoy = await findEnvoy();

const answering = ([port = 0]: readonly number[]): object => ({
  static_resources: {
    listeners: [
      {
        address: { socket_address: { address: '127.0.0.1', port_value: port } },
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.http_connection_manager',
                typed_config: {
                  '@type':
                    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                  stat_prefix: 'edge',
                  route_config: {
                    virtual_hosts: [
                      {
                        name: 'all',
                        domains: ['*'],
                        routes: [{ match: { prefix: '/' }, direct_response: { status: 204 } }],
                      },
                    ],
                  },
                  http_filters: [
                    {
                      name: 'envoy.filters.http.router',
                      typed_config: {
                        '@type':
                          'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                      },
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  },
});

describe.skipIf(isSkipped(envoy))(titleWith('a real Envoy', envoy), { timeout: 60_000 }, () => {
  test('serves what it is configured for and counts it', async () => {
    await using running = await startEnvoy({ path: pathOf(envoy), config: answering });
    expect((await fetch(`http://127.0.0.1:${running.ports[0]}/`)).status).toBe(204);
    const stats = await running.stats('http.edge.downstream_rq_');
    expect(stats.get('http.edge.downstream_rq_2xx')).toBe(1);
  });

  test('a configuration that it refuses is shown with its reason', async () => {
    const bad = { path: pathOf(envoy), config: () => ({ static_resources: { listeners: 'x' } }) };
    await expect(startEnvoy(bad)).rejects.toThrow(/did not come up[^]*listeners/);
  });
});
