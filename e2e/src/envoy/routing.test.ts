import { isSkipped, readExposition, titleWith } from '@llm-d/test-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, chat, post } from '../stack.ts';
import { envoy, startEnvoyStack, type EnvoyStack } from './envoy-stack.ts';

const completion = (prompt: string, more: object = {}): object => ({
  model: 'sim-model',
  prompt,
  max_tokens: 4,
  ignore_eos: true,
  ...more,
});

/** Lines of text of `bytes` bytes that no other one shares a prefix with. */
const longPrompt = (bytes: number, seed: string): string => {
  let text = '';
  for (let i = 0; text.length < bytes; i++) text += `${seed} line ${i} of a long story\n`;
  return text.slice(0, bytes);
};

describe.skipIf(isSkipped(envoy))(
  titleWith('behind a real Envoy', envoy),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    let stack: EnvoyStack;
    beforeAll(async () => {
      stack = await startEnvoyStack({
        engines: 3,
        engineArgs: [
          ...['--lora-modules', 'adapter=/lora', '--max-loras', '2'],
          ...['--max-model-len', '4000000', '--kv-cache-size', '400000'],
          ...['--max-num-batched-tokens', '1000000', '--prefill-time-per-token', '0'],
        ],
      });
    }, TEST_TIMEOUT_MS);
    afterAll(() => stack[Symbol.asyncDispose]());

    const complete = (body: object, headers: Record<string, string> = {}) =>
      post(`${stack.url}/v1/completions`, body, { headers });
    const decisionOf = async (id: string) => {
      const answer = await fetch(`${stack.eppUrl}/debug/decisions/${id}`);
      return (await answer.json()) as {
        attempts: { decision: { endpoints: string[] }; answer?: { usage?: object } }[];
      };
    };

    test('a JSON answer comes from the endpoint that was picked, with its usage counted', async () => {
      const answer = await complete(completion('Tell me.'), { 'x-request-id': 'json-1' });
      expect(answer.status).toBe(200);
      const body = (await answer.json()) as { usage: { completion_tokens: number } };
      expect(body.usage.completion_tokens).toBe(4);
      const served = `127.0.0.1:${answer.headers.get('x-inference-port')}`;
      const { attempts } = await decisionOf('json-1');
      const [chosen] = attempts[0]?.decision.endpoints ?? [];
      expect(stack.hosts[Number(/engine-(\d)/.exec(chosen ?? '')?.[1])]).toBe(served);
      expect(attempts[0]?.answer?.usage).toMatchObject({ completionTokens: 4 });
    });

    test('a streamed answer comes event by event', async () => {
      const answer = await post(`${stack.url}/v1/chat/completions`, chat(6, { stream: true }));
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      const events = (await answer.text()).split('\n\n').filter((event) => event !== '');
      expect(events.length).toBeGreaterThan(6);
      expect(events.at(-1)).toBe('data: [DONE]');
    });

    test.each([
      ['200 KB', 200_000],
      ['5 MB', 5_000_000],
    ])('a body of %s reaches the engine whole', async (_, bytes) => {
      const prompt = longPrompt(bytes, `size-${bytes}`);
      const answer = await complete(completion(prompt, { max_tokens: 1 }));
      const text = await answer.text();
      expect(answer.status, text.slice(0, 300)).toBe(200);
      const { usage } = JSON.parse(text) as { usage: { prompt_tokens: number } };
      const direct = await post(
        `${stack.engines[0]?.url}/v1/completions`,
        completion(prompt, { max_tokens: 1 }),
      );
      const expected = (await direct.json()) as { usage: { prompt_tokens: number } };
      expect(usage.prompt_tokens).toBe(expected.usage.prompt_tokens);
    });

    test('requests that share a prefix go to the engine that has it', async () => {
      const shared = longPrompt(20_000, 'shared');
      const ports = new Set<string | null>();
      for (let i = 0; i < 5; i++) {
        const answer = await complete(completion(`${shared} and question ${i}`));
        await answer.text();
        ports.add(answer.headers.get('x-inference-port'));
      }
      expect(ports.size).toBe(1);
    });

    test('an adapter is asked for by its name', async () => {
      const answer = await complete(completion('hello', { model: 'adapter' }));
      expect([answer.status, ((await answer.json()) as { model: string }).model]).toEqual([
        200,
        'adapter',
      ]);
    });

    test.each(['x-llm-d-model-name-rewrite', 'x-gateway-model-name-rewrite'])(
      'the header %s changes the model on the way in and hides that on the way out',
      async (header) => {
        const answer = await complete(completion('hello', { model: 'public-name' }), {
          [header]: 'sim-model',
        });
        expect([answer.status, ((await answer.json()) as { model: string }).model]).toEqual([
          200,
          'public-name',
        ]);
      },
    );

    test('a client cannot choose the destination itself', async () => {
      const answer = await complete(completion('hello'), {
        'x-gateway-destination-endpoint': '127.0.0.1:1',
      });
      expect(answer.status).toBe(200);
    });

    test('a request without a body is placed as well', async () => {
      const answer = await fetch(`${stack.url}/v1/models`);
      expect(await answer.json()).toMatchObject({ object: 'list' });
    });

    test.each([
      ['no JSON', 'no healthy upstream', /^inference error: BadRequest - /],
      [
        'no model',
        '{"prompt":"x"}',
        'inference error: BadRequest - model not found in request body',
      ],
    ])('a body with %s is answered with 400 and the reason', async (_, body, reason) => {
      const answer = await post(`${stack.url}/v1/completions`, body);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toMatch(reason);
    });

    test('an error of the engine passes as it is and is counted', async () => {
      const answer = await complete(completion('x', { model: 'nobody-serves-this' }));
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain('nobody-serves-this');
      const metrics = await readExposition(stack.eppUrl);
      expect(
        metrics.sum('llm_d_epp_request_error_total', { model_name: 'nobody-serves-this' }),
      ).toBe(1);
    });

    test('clients that leave in the middle of a stream leave nothing behind', async () => {
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const client = new AbortController();
          const answer = await post(
            `${stack.url}/v1/chat/completions`,
            chat(100_000, { stream: true }),
            { signal: client.signal },
          );
          await answer.body?.getReader().read();
          client.abort();
        }),
      );
      await expect
        .poll(async () => (await readExposition(stack.eppUrl)).sum('llm_d_epp_request_running'), {
          timeout: 20_000,
        })
        .toBe(0);
      const metrics = await readExposition(stack.eppUrl);
      expect(
        metrics.sum('llm_d_epp_request_error_total', { error_code: 'ClientDisconnect' }),
      ).toBeGreaterThanOrEqual(50);
    });
  },
);

describe.skipIf(isSkipped(envoy))(
  titleWith('refusals behind a real Envoy', envoy),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('without an endpoint the answer is 503, and requests are served when one appears', async () => {
      await using stack = await startEnvoyStack();
      await stack.setEngines([]);
      const ask = () => post(`${stack.url}/v1/completions`, completion('hello'));
      await expect.poll(async () => (await ask()).status, { timeout: 20_000 }).toBe(503);
      const refused = await ask();
      expect(refused.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-no-endpoints');
      expect(await refused.text()).toBe(
        'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request',
      );
      await stack.setEngines(stack.hosts);
      await expect.poll(async () => (await ask()).status, { timeout: 20_000 }).toBe(200);
    });

    test('filters that leave nobody are answered with 429', async () => {
      await using stack = await startEnvoyStack({
        eppArgs: ['--allow-experimental-plugins'],
        config: `
plugins:
- type: utilization-filter
  parameters: {conditions: [{metric: active-requests, maxValue: 0}]}
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins: [{pluginRef: utilization-filter}, {pluginRef: max-score-picker}]
`,
      });
      const running = await Promise.all(
        [0, 1].map(() => post(`${stack.url}/v1/chat/completions`, chat(10_000, { stream: true }))),
      );
      const refused = await post(`${stack.url}/v1/completions`, completion('hello'));
      expect(refused.status).toBe(429);
      expect(refused.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-saturated');
      await Promise.all(running.map(async ({ body }) => body?.cancel()));
    });
  },
);
