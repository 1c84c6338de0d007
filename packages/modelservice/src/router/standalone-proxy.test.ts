import { findEnvoy, isSkipped, pathOf, startEnvoy, titleWith } from '@llm-d/test-kit';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { goldenObjects, objectOf } from '../golden.testing.ts';

const configText = (): string => {
  const config = objectOf(goldenObjects('standalone'), 'ConfigMap', 'alone-proxy-config');
  return (config as unknown as { data: { 'envoy.yaml': string } }).data['envoy.yaml'];
};

/** A server that says its name. */
async function serve(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((_, response) => response.end(name));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' ? (address?.port ?? 0) : 0 };
}

const envoy = await findEnvoy();

describe.skipIf(isSkipped(envoy))(titleWith('a real proxy', envoy), { timeout: 60_000 }, () => {
  test('serves without the endpoint picker, and never where a client says', async () => {
    const fallback = await serve('fallback');
    const elsewhere = await serve('elsewhere');
    const localized = (ports: readonly number[]): object => {
      const [requests = 0, ready = 0, nobody = 0] = ports;
      const text = JSON.stringify(parse(configText()))
        .replaceAll('"port_value":8081', `"port_value":${requests}`)
        .replaceAll('"port_value":19001', `"port_value":${ready}`)
        .replaceAll('"port_value":9002', `"port_value":${nobody}`)
        .replace(
          '"address":"alone-service-decode","port_value":8000',
          `"address":"127.0.0.1","port_value":${fallback.port}`,
        );
      const { admin: _, ...config } = JSON.parse(text) as { admin: unknown };
      return config;
    };
    await using running = await startEnvoy({ path: pathOf(envoy), ports: 3, config: localized });
    try {
      const url = `http://127.0.0.1:${running.ports[0] ?? 0}/v1/models`;
      const plain = await fetch(url);
      expect(await plain.text()).toBe('fallback');
      const destination = `127.0.0.1:${elsewhere.port}`;
      const forged = await fetch(url, {
        headers: { 'x-gateway-destination-endpoint': destination },
      });
      expect(await forged.text()).toBe('fallback');
    } finally {
      fallback.server.close();
      elsewhere.server.close();
    }
  });
});

test('clients reach it by a service, and it is in the pod of the endpoint picker', () => {
  const objects = goldenObjects('standalone');
  expect(objectOf(objects, 'Service', 'alone-gateway')).toMatchObject({
    spec: { type: 'NodePort', selector: { 'llm-d.ai/epp': 'alone-epp' }, ports: [{ port: 8081 }] },
  });
  expect(objectOf(objects, 'Deployment', 'alone-epp')).toMatchObject({
    spec: { template: { spec: { containers: [{ name: 'epp' }, { name: 'proxy' }] } } },
  });
});
