import { isSkipped, titleWith } from '@llm-d/test-kit';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decisionsOf } from '../debug-views.ts';
import { eventually } from '../kubernetes/epp.ts';
import { TEST_TIMEOUT_MS, chat, post } from '../stack.ts';
import { extProcOverrides } from './ext-proc-overrides.ts';
import { parts } from './istio-parts.ts';
import { startIstioStack, until, type IstioStack } from './istio-stack.ts';

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
      await until(async () => {
        expect((await complete()).status).toBe(200);
      });
    }, 3 * TEST_TIMEOUT_MS);
    afterAll(() => stack[Symbol.asyncDispose]());

    const complete = () => post(`${stack.url}/v1/completions`, completion);
    /** The latest decision: its id, which Envoy has made for it, and where it leads. */
    const latestDecision = async () => {
      const [decision] = await decisionsOf(stack.eppUrl, 1);
      const engine = /engine-(\d)/.exec(decision?.endpoint ?? '')?.[1];
      return { id: decision?.requestId, picked: stack.hosts[Number(engine)] };
    };

    test('the Gateway is programmed, the route and the pool are accepted and resolved', async () => {
      await eventually(() => stack.conditions()).toEqual({
        gateway: ['Accepted=True', 'Programmed=True', 'ResolvedRefs=True'],
        route: ['Accepted=True', 'ResolvedRefs=True'],
        pool: ['Accepted=True', 'ResolvedRefs=True'],
      });
    });

    test('a JSON answer comes from the pod that was picked, which Envoy reports as the one that served', async () => {
      const ids = new Set<string | undefined>();
      for (let i = 0; i < 10; i++) {
        const answer = await complete();
        expect(answer.status).toBe(200);
        expect(await answer.json()).toMatchObject({ usage: { completion_tokens: 4 } });
        const { id, picked } = await latestDecision();
        expect(stack.hosts).toContain(picked);
        expect(answer.headers.get('x-conformance-test-served-endpoint')).toBe(picked);
        expect(picked?.split(':')[1]).toBe(answer.headers.get('x-inference-port'));
        ids.add(id);
      }
      expect(ids.size).toBe(10);
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
      expect(await refused.text()).toBe(
        'inference error: ResourceExhausted - utilization-filter left no endpoint for profile default',
      );
      for (const { body } of running) await body?.cancel();
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
      // An authority of its own would be in there; without one a stream has the name of the cluster.
      const envoy_grpc = { cluster_name: stack.eppCluster };
      const overrides = await extProcOverrides(stack.envoy, stack.eppCluster);
      expect(overrides.map(({ grpc_service }) => grpc_service)).toEqual([{ envoy_grpc }]);

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

    /** Asks for something that needs no endpoint picker when it fails open. */
    const models = () => fetch(`${stack.url}/v1/models`);

    test('open on failure: while the endpoint picker is gone somebody serves, and it takes over when it is back', async () => {
      await stack.epp.kill();
      const answer = await models();
      expect([answer.status, await answer.json()]).toMatchObject([200, { object: 'list' }]);
      await stack.restartEpp();
      const served = await until(async () => {
        const answer = await complete();
        expect(answer.status).toBe(200);
        return answer.headers.get('x-conformance-test-served-endpoint');
      });
      expect(stack.hosts).toContain(served);
      expect((await latestDecision()).picked).toBe(served);
    });

    test('open on failure: an endpoint picker that Kubernetes takes out before it goes loses no request', async () => {
      const outcomes = new Map<string, number>();
      let stopped = false;
      const client = async (): Promise<void> => {
        while (!stopped) {
          const answer = await complete();
          await answer.text();
          const by = answer.headers.has('x-conformance-test-served-endpoint') ? 'picked' : 'open';
          const outcome = `${answer.status} ${by}`;
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      await stack.setEppReady(false);
      await eventually(() => Promise.resolve(outcomes.get('200 open') ?? 0)).toBeGreaterThan(20);
      stack.epp.signal('SIGTERM');
      const end = await stack.epp.ended;
      await stack.restartEpp();
      // Those from before are not what is waited for.
      outcomes.set('200 picked', 0);
      await stack.setEppReady(true);
      await eventually(() => Promise.resolve(outcomes.get('200 picked'))).toBeGreaterThan(20);
      stopped = true;
      await clients;
      expect(end.code).toBe(0);
      expect([...outcomes.keys()].sort()).toEqual(['200 open', '200 picked']);
    });

    test('the pool is changed to be closed on failure: requests get 500 while the endpoint picker is gone', async () => {
      await stack.setFailureMode('FailClose');
      await eventually(() => extProcOverrides(stack.envoy, stack.eppCluster)).toMatchObject([
        { failure_mode_allow: false },
      ]);
      await stack.epp.kill();
      expect((await models()).status).toBe(500);
      await stack.restartEpp();
      await eventually(async () => (await complete()).status).toBe(200);
    });
  },
);
