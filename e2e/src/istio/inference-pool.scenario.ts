import { isSkipped, titleWith } from '@llm-d/test-kit';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../kubernetes/epp.ts';
import { TEST_TIMEOUT_MS, chat, post } from '../stack.ts';
import { parts } from './istio-parts.ts';
import { startIstioStack, type IstioStack } from './istio-stack.ts';

const REQUESTS = 2_000;
const CLIENTS = 16;

const configOf = (plugins: string, used: string): string => `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: max-score-picker}
- {type: destination-endpoint-served-verifier}
${plugins.trim()}
schedulingProfiles:
- name: default
  plugins: [${used}, {pluginRef: max-score-picker}]
`;
const BALANCED = configOf(
  '- {type: running-requests-size-scorer}',
  '{pluginRef: running-requests-size-scorer}',
);
/** Nobody has room for a request beside another one. */
const FULL = configOf(
  `
- type: utilization-filter
  parameters: {conditions: [{metric: active-requests, maxValue: 0}]}
`,
  '{pluginRef: utilization-filter}',
);

const completion = { model: 'sim-model', prompt: 'Tell me.', max_tokens: 4, ignore_eos: true };

describe.skipIf(isSkipped(parts))(
  titleWith('an InferencePool behind a Gateway that Istio programs', parts),
  { timeout: 2 * TEST_TIMEOUT_MS },
  () => {
    let stack: IstioStack;
    beforeAll(async () => {
      stack = await startIstioStack(BALANCED);
      // A listener is not a route yet, nor a cluster with endpoints.
      await eventually(async () => (await complete()).status).toBe(200);
    }, 3 * TEST_TIMEOUT_MS);
    afterAll(() => stack[Symbol.asyncDispose]());

    const complete = (headers: Record<string, string> = {}) =>
      post(`${stack.url}/v1/completions`, completion, { headers });
    const pickedFor = async (id: string): Promise<string | undefined> => {
      const answer = await fetch(`${stack.eppUrl}/debug/decisions/${id}`);
      const { attempts } = (await answer.json()) as {
        attempts: { decision: { endpoints: string[] } }[];
      };
      const [chosen = ''] = attempts[0]?.decision.endpoints ?? [];
      return stack.hosts[Number(/engine-(\d)/.exec(chosen)?.[1])];
    };

    test('the Gateway is programmed, the route and the pool are accepted and resolved', async () => {
      await eventually(() => stack.conditions()).toEqual({
        gateway: ['Accepted=True', 'Programmed=True'],
        route: ['Accepted=True', 'ResolvedRefs=True'],
        pool: ['Accepted=True', 'ResolvedRefs=True'],
      });
    });

    test('a JSON answer comes from the pod that was picked, which Envoy reports as the one that served', async () => {
      const served = new Set<string>();
      for (let i = 0; i < 10; i++) {
        const answer = await complete({ 'x-request-id': `json-${i}` });
        expect(answer.status).toBe(200);
        expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 4 } });
        const picked = await pickedFor(`json-${i}`);
        expect(picked).toMatch(/:\d+$/);
        expect(answer.headers.get('x-conformance-test-served-endpoint')).toBe(picked);
        expect(picked?.split(':')[1]).toBe(answer.headers.get('x-inference-port'));
        served.add(picked ?? '');
      }
      expect(served.size).toBeGreaterThan(0);
    });

    test('a streamed answer comes event by event', async () => {
      const answer = await post(`${stack.url}/v1/chat/completions`, chat(6, { stream: true }));
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      const events = (await answer.text()).split('\n\n').filter((event) => event !== '');
      expect(events.length).toBeGreaterThan(6);
      expect(events.at(-1)).toBe('data: [DONE]');
    });

    test('when nobody has room the answer is 429 and says why', async () => {
      await stack.setConfig(FULL);
      const running = await Promise.all(
        stack.hosts.map(() =>
          post(`${stack.url}/v1/chat/completions`, chat(10_000, { stream: true })),
        ),
      );
      const refused = await complete();
      expect(refused.status).toBe(429);
      expect(refused.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-saturated');
      expect(await refused.text()).toBe('?');
      await Promise.all(running.map(({ body }) => body?.cancel()));
      await stack.setConfig(BALANCED);
    });

    test('when no pod is ready the answer is 503 and says why, until one is', async () => {
      const setReady = async (ready: boolean): Promise<void> => {
        for (const i of stack.hosts.keys()) await stack.space.setReady(`engine-${i}`, ready);
      };
      await setReady(false);
      await eventually(async () => (await complete()).status).toBe(503);
      const refused = await complete();
      expect(refused.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-no-endpoints');
      expect(await refused.text()).toBe(
        'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request',
      );
      await setReady(true);
      await eventually(async () => (await complete()).status).toBe(200);
    });

    test('2,000 requests over one ext_proc connection, whose authority is the name of a cluster, and none lost', async () => {
      const { adminPort } = stack.envoy;
      const dump = await (await fetch(`http://127.0.0.1:${adminPort}/config_dump`)).json();
      expect(extProcServices(dump)).toContainEqual({
        envoy_grpc: { cluster_name: stack.eppCluster },
      });

      const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
      const body = JSON.stringify({ ...completion, max_tokens: 1 });
      const outcomes = new Map<string, number>();
      let next = 0;
      const client = async (): Promise<void> => {
        while (next++ < REQUESTS) {
          const answer = await request(`${stack.url}/v1/completions`, {
            method: 'POST',
            body,
            dispatcher: agent,
            headers: { 'content-type': 'application/json' },
          });
          await answer.body.dump();
          const served = answer.headers['x-conformance-test-served-endpoint'];
          const known = stack.hosts.includes(String(served));
          const outcome = `${answer.statusCode}${known ? '' : ' not by an engine that is known'}`;
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      await agent.close();
      expect(Object.fromEntries(outcomes)).toEqual({ 200: REQUESTS });
      const connections = await stack.envoy.stats(`cluster.${stack.eppCluster}`);
      const made = [...connections].filter(([name]) => name.endsWith('upstream_cx_total'));
      expect(made.map(([, count]) => count)).toEqual([1]);
    });

    test('while the endpoint picker is gone the pool fails open, and it takes over when it is back', async () => {
      await stack.epp.kill();
      const models = await fetch(`${stack.url}/v1/models`);
      expect([models.status, await models.json()]).toMatchObject([200, { object: 'list' }]);
      await stack.restartEpp();
      await eventually(async () => {
        const answer = await complete({ 'x-request-id': 'again' });
        return answer.headers.get('x-conformance-test-served-endpoint');
      }).toMatch(/:\d+$/);
      expect(stack.hosts).toContain(await pickedFor('again'));
    });
  },
);

/** Every `grpc_service` of an ext_proc override in a dump of Envoy's configuration. */
function extProcServices(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const here = 'grpc_service' in value && 'failure_mode_allow' in value ? [value.grpc_service] : [];
  return [...here, ...Object.values(value).flatMap(extProcServices)];
}
