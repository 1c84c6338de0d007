import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { readExposition } from '@llm-d/test-kit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TEST_TIMEOUT_MS, startStack, type Stack } from './stack.ts';

let stack: Stack;
let client: OpenAI;
beforeAll(async () => {
  stack = await startStack();
  client = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: 'any', maxRetries: 0 });
}, TEST_TIMEOUT_MS);
afterAll(() => stack[Symbol.asyncDispose]());

const messages = [{ role: 'user' as const, content: 'Say something.' }];

describe("OpenAI's own client", { timeout: TEST_TIMEOUT_MS }, () => {
  test('gets a whole chat completion', async () => {
    const answer = await client.chat.completions.create({
      model: 'sim-model',
      messages,
      max_completion_tokens: 8,
    });
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'sim-model' });
    expect(answer.choices[0]?.message.content).toMatch(/\w/);
    expect(answer.usage?.completion_tokens).toBeLessThanOrEqual(8);
  });

  test('gets a streamed one with usage at its end', async () => {
    const stream = await client.chat.completions.create({
      ...{ model: 'sim-model', messages, max_completion_tokens: 8, stream: true },
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage;
    }
    expect(text).toMatch(/\w/);
    expect(usage?.total_tokens).toBe(
      (usage?.prompt_tokens ?? NaN) + (usage?.completion_tokens ?? NaN),
    );
  });

  test('gets a completion and an embedding', async () => {
    const { choices } = await client.completions.create({
      ...{ model: 'sim-model', prompt: 'Once upon a time', max_tokens: 4 },
    });
    expect(choices[0]?.text).toMatch(/\w/);
    const { data } = await client.embeddings.create({
      ...{ model: 'sim-model', input: ['a', 'b'], encoding_format: 'float' },
    });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([384, 384]);
  });

  test('lists every model once and finds one by name', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['sim-model']);
    expect((await client.models.retrieve('sim-model')).id).toBe('sim-model');
    await expect(client.models.retrieve('other')).rejects.toThrow(NotFoundError);
  });

  test('gets an error of its own kind for a model that nobody serves', async () => {
    const asked = client.chat.completions.create({ model: 'gpt-17', messages });
    await expect(asked).rejects.toThrow(NotFoundError);
    await expect(asked).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
  });

  test('gets an error of its own kind for a request that makes no sense', async () => {
    const asked = client.chat.completions.create({
      model: 'sim-model',
      messages,
      max_completion_tokens: -1,
    });
    await expect(asked).rejects.toThrow(BadRequestError);
  });

  test('can break off a stream, which ends it at the engine as well', async () => {
    const stream = await client.chat.completions.create({
      ...{ model: 'sim-model', messages, max_completion_tokens: 8000, stream: true },
    });
    for await (const chunk of stream) {
      expect(chunk.choices).toHaveLength(1);
      stream.controller.abort();
    }
    await vi.waitFor(async () => {
      const engines = await Promise.all(stack.engines.map(({ url }) => readExposition(url)));
      const running = engines.map((metrics) => metrics.sum('vllm:num_requests_running'));
      expect(running).toEqual([0, 0]);
    }, 20_000);
  });
});
