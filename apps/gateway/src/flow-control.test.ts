import { startModelServer } from '@llm-d/test-kit';
import { expect, test } from 'vitest';
import { ask, startTestGateway } from './gateway.testing.ts';

const config = (more = '') => `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins:
  - type: concurrency-detector
    parameters: { maxConcurrency: 1 }
  - type: queue-scorer
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue-scorer }] }]
flowControl:
  saturationDetector: { pluginRef: concurrency-detector }
${more}`;

test('requests wait in the gateway for a server that is full, and all are answered', async () => {
  let atOnce = 0;
  let most = 0;
  await using server = await startModelServer({
    script: ({ method }) => {
      if (method !== 'POST') return { kind: 'answer' };
      most = Math.max(most, ++atOnce);
      setTimeout(() => atOnce--, 20);
      return { kind: 'wait', ms: 30, then: { kind: 'answer' } };
    },
  });
  await using gateway = await startTestGateway([server], '--config-text', config());
  const answers = await Promise.all(Array.from({ length: 4 }, () => ask(gateway)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(most).toBe(1);
  await Promise.all(answers.map((answer) => answer.text()));
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(
    /^llm_d_epp_flow_control_requests_total\{inference_pool="gateway",outcome="Dispatched",priority="0"\} 4$/m,
  );
});

test('one that waits too long is told so, and when to ask again', async () => {
  await using server = await startModelServer({ script: () => ({ kind: 'hang' }) });
  const short = config('  defaultRequestTTL: 50ms\n');
  await using gateway = await startTestGateway([server], '--config-text', short);
  const client = new AbortController();
  const first = ask(gateway, { signal: client.signal }).catch(() => undefined);
  const asked = () => server.requests.filter(({ method }) => method === 'POST').length;
  await expect.poll(asked).toBe(1);
  const late = await ask(gateway);
  expect([late.status, late.headers.get('x-llm-d-request-dropped-reason')]).toEqual([
    429,
    'rejected-ttl-expired',
  ]);
  expect(late.headers.get('retry-after')).toBe('1');
  await late.text();
  client.abort();
  await first;
});
