import { parseEndpointsFile } from '@llm-d/endpoint-picker';
import { expect, test } from 'vitest';
import { engineListOf } from './engine-list.ts';

test('the list says where engines serve and where they publish', () => {
  const text = engineListOf([
    { url: 'http://127.0.0.1:9001', kvPorts: { events: 7001, replays: 7002 } },
    { url: 'http://[::1]:9002' },
    { url: 'http://10.0.0.1' },
  ]);
  const { endpoints, problems } = parseEndpointsFile(text, 'engines.json');
  expect(problems).toEqual([]);
  expect(endpoints).toMatchObject([
    {
      id: 'default/127.0.0.1:9001-rank-0',
      hostPort: '127.0.0.1:9001',
      labels: { 'llm-d.ai/kv-events-port': '7001', 'llm-d.ai/kv-replay-port': '7002' },
    },
    { name: '[::1]:9002', address: '::1', port: 9002, labels: {} },
    { name: '10.0.0.1:80', port: 80 },
  ]);
});

test('a name is refused: events name addresses', () => {
  expect(() => engineListOf([{ url: 'http://localhost:8000' }])).toThrow(
    'http://localhost:8000: KV events need the server’s IP address',
  );
});
