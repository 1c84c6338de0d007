import { createTempDir, startModelServer } from '@llm-d/test-kit';
import { expect, test, vi } from 'vitest';
import { startTestGateway } from './gateway.testing.ts';

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: precise-prefix-cache-producer
    parameters: { kvEventsConfig: { podDiscoveryConfig: { socketPort: 1 } } }
  - type: prefix-cache-scorer
    parameters: { prefixMatchInfoProducerName: precise-prefix-cache-producer }
`;

test('a gateway listens to the KV events of its engines, and decides about tokens by them', async () => {
  await using folder = await createTempDir();
  await using server = await startModelServer();
  const file = await folder.write('config.yaml', config);
  await using gateway = await startTestGateway([server], '--config', file);
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`${gateway.url}${path}`)).json();
  expect(await get('/debug/plugins/state')).toMatchObject({
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    plugins: {
      'prefix-cache-scorer': { message: 'the plugin shows no state' },
      'precise-prefix-cache-producer': {
        type: 'precise-prefix-cache-producer',
        state: { subscribers: [{ address: 'tcp://127.0.0.1:1' }], blockSizeTokens: 16 },
      },
    },
  });
  const response = await fetch(`${gateway.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'r1' },
    body: JSON.stringify({ model: 'test-model', prompt: Array.from({ length: 64 }, (_, i) => i) }),
  });
  expect(response.status).toBe(200);
  await response.text();
  await vi.waitFor(async () => {
    expect(await get('/debug/decisions/r1')).toMatchObject({
      attempts: [
        {
          prefixes: [
            {
              producer: 'precise-prefix-cache-producer',
              basis: 'events',
              note: 'no engine has been heard of',
              totalBlocks: 4,
            },
          ],
        },
      ],
    });
  });
});
