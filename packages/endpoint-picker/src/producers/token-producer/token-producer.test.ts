import { systemClock } from '@llm-d/determinism';
import { tokenizedPrompt, type Prompt, type SchedulingRequest } from '@llm-d/scheduler-core';
import { makeCycle } from '@llm-d/scheduler-core/testing';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startFakeService, type FakeAnswer } from '../fake-service.testing.ts';
import { instantiate, produceWith } from '../producing.testing.ts';
import { tokenProducerParameters } from './token-producer-parameters.ts';
import { createTokenizerPlugin } from '../tokenizer/tokenizer.ts';
import { tokenProducer } from './token-producer.ts';

const captured = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`testdata/${name}.json`, import.meta.url), 'utf8'));
const tokens = async (prompt: Prompt) => {
  const { attributes } = await produceWith(tokenProducer, { request: { prompt } });
  return attributes.get(tokenizedPrompt());
};

describe('the estimate', () => {
  test('makes one token of every four bytes, the last one padded', async () => {
    expect(await tokens({ kind: 'text', bytes: Buffer.from('abcdefg') })).toEqual({
      ids: Uint32Array.of(0x64636261, 0x00676665),
      estimated: true,
    });
  });

  test('leaves what the client tokenized as it is', async () => {
    const ids = Uint32Array.of(1, 2, 3);
    expect(await tokens({ kind: 'tokens', ids })).toEqual({ ids, estimated: false });
  });

  test('makes nothing of no prompt', async () => {
    expect(await tokens({ kind: 'none' })).toBeUndefined();
  });

  test('counts media by their size and by what headers say of films', async () => {
    const { attributes } = await produceWith(tokenProducer, {
      request: {
        prompt: { kind: 'text', bytes: Buffer.from('abcd') },
        headers: new Map([['x-llm-d-video-duration-seconds', '1']]),
        mediaItems: [
          { kind: 'image', key: 'i', pixels: { width: 1024, height: 7 } },
          { kind: 'video', key: 'v' },
        ],
      },
    });
    expect(attributes.get(tokenizedPrompt())?.media).toEqual([
      { kind: 'image', key: 'i', offset: 0, length: 7 },
      { kind: 'video', key: 'v', offset: 7, length: 450 },
    ]);
  });
});

/** A request of an API, whose body knows where its model goes. */
const requestTo = (
  api: string,
  body: object,
  more: Partial<SchedulingRequest> = {},
): Partial<SchedulingRequest> => ({
  prompt: { kind: 'text', bytes: Buffer.from('Hello') },
  body: {
    api,
    withModel: (model) => {
      const text = JSON.stringify({ ...body, model });
      return [Buffer.from(text.slice(0, 5)), Buffer.from(text.slice(5))];
    },
  },
  ...more,
});

async function render(request: Partial<SchedulingRequest>, answer: FakeAnswer) {
  const server = await startFakeService(() => answer);
  const plugin = instantiate(tokenProducer, {
    parameters: { modelName: 'base', vllm: { url: server.url } },
    clock: systemClock,
  });
  const cycle = makeCycle({ request });
  const output = { attributes: cycle.attributes, signal: new AbortController().signal };
  let error: unknown;
  try {
    await plugin.producer?.produce(cycle, [], output);
  } catch (thrown) {
    error = thrown;
  }
  const state = plugin.state?.();
  await plugin.close?.();
  await server.close();
  const tokenized = cycle.attributes.get(tokenizedPrompt());
  return { tokenized, received: server.received, error, state };
}

describe('a vLLM server', () => {
  test('renders a conversation, its body as it came but for the model', async () => {
    const body = { model: 'alias', messages: [{ role: 'user', content: 'Hello' }], odd: 1 };
    const { tokenized, received } = await render(requestTo('chat-completions', body), {
      body: captured('render_chat'),
    });
    expect(received).toEqual([
      {
        method: 'POST',
        path: '/v1/chat/completions/render',
        body: { ...body, model: 'base' },
      },
    ]);
    expect(tokenized).toMatchObject({ estimated: false });
    expect(tokenized?.ids.subarray(0, 4)).toEqual(Uint32Array.of(1, 3, 87, 465));
  });

  test('renders several prompts, which follow each other', async () => {
    const { tokenized, received } = await render(requestTo('completions', { prompt: ['a', 'b'] }), {
      body: captured('render_completion_two_prompts'),
    });
    expect(received[0]?.path).toBe('/v1/completions/render');
    expect([...(tokenized?.ids ?? [])]).toEqual([1, 1111, 602, 1, 742, 613]);
    expect(tokenized?.promptStarts).toEqual([3]);
  });

  test('says where media stand and what the engine calls them', async () => {
    const { tokenized } = await render(requestTo('chat-completions', { messages: [] }), {
      body: {
        token_ids: [1, 9, 9, 9, 2, 8],
        features: {
          mm_hashes: { video: ['v'], image: ['i', 'unplaced'], depth: ['d'] },
          mm_placeholders: {
            video: [{ offset: 5, length: 1 }],
            image: [{ offset: 1, length: 3 }],
          },
        },
      },
    });
    expect(tokenized?.media).toEqual([
      { kind: 'image', key: 'i', offset: 1, length: 3 },
      { kind: 'video', key: 'v', offset: 5, length: 1 },
    ]);
  });

  test('gets an Anthropic request as the chat that it stands for', async () => {
    const body = {
      model: 'alias',
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Hi' }],
    };
    const { received } = await render(requestTo('messages', body), {
      body: captured('render_chat'),
    });
    expect(received).toEqual([
      {
        method: 'POST',
        path: '/v1/chat/completions/render',
        body: {
          model: 'base',
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'Hi' },
          ],
        },
      },
    ]);
  });

  test.each<[string, Partial<SchedulingRequest>]>([
    [
      'the client tokenized',
      requestTo('completions', {}, { prompt: { kind: 'tokens', ids: Uint32Array.of(7) } }),
    ],
    ['another API brings', requestTo('responses', { input: 'Hello' })],
    ['nobody kept', { prompt: { kind: 'text', bytes: Buffer.from('Hello') } }],
  ])('is not asked for a prompt that %s', async (_, request) => {
    const { tokenized, received } = await render(request, {});
    expect(received).toEqual([]);
    expect(tokenized?.ids.length).toBeGreaterThan(0);
  });

  test.each<[string, FakeAnswer, object]>([
    ['refuses', { status: 403, text: 'scale-out is not enabled' }, { status: 403 }],
    ['answers something else', { body: { detail: 'Not Found' } }, { code: 'RENDER_ANSWER' }],
    ['answers nothing', { body: [] }, { code: 'RENDER_ANSWER' }],
  ])('that %s leaves the prompt without tokens, which can be seen', async (_, answer, expected) => {
    const request = requestTo('chat-completions', { messages: [] });
    const { tokenized, error, state } = await render(request, answer);
    expect(error).toMatchObject(expected);
    expect(tokenized).toBeUndefined();
    expect(state).toMatchObject({ failed: 1, modelName: 'base' });
  });

  test('has as long as a prompt with media may take', () => {
    const timeoutOf = (vllm: object) =>
      instantiate(tokenProducer, { parameters: { modelName: 'm', vllm } }).producer?.timeoutMs;
    expect(timeoutOf({})).toBe(30_000);
    expect(timeoutOf({ timeout: '40s' })).toBe(40_000);
  });
});

test('tokens that are there already stay', async () => {
  const given = { ids: Uint32Array.of(1), estimated: false };
  const prompt: Prompt = { kind: 'text', bytes: Buffer.from('Hello') };
  const cycle = makeCycle({ request: { prompt }, attributes: [[tokenizedPrompt(), given]] });
  const output = { attributes: cycle.attributes, signal: new AbortController().signal };
  for (const parameters of [{}, { modelName: 'm' }]) {
    await instantiate(tokenProducer, { parameters }).producer?.produce(cycle, [], output);
    expect(cycle.attributes.get(tokenizedPrompt())).toBe(given);
  }
});

test.each([
  [{ vllm: {} }, 'missing; vllm needs it'],
  [{ modelName: 'm', estimate: {} }, 'two backends'],
  [{ udsTokenizerConfig: { socketFile: '/tmp/x' } }, 'deprecated in llm-d-router v0.10.0'],
  [{ modelName: 'm', vllm: { url: 'unix:/tmp/x' } }, 'an http or https URL'],
  [{ local: { directory: '/m' }, modelName: 'm' }, 'local and vllm (modelName) are two backends'],
  [{ local: {} }, 'expected string'],
])('parameters %j are refused', (parameters, message) => {
  const result = tokenProducerParameters.safeParse(parameters);
  expect(result.error?.issues.map((issue) => issue.message).join()).toContain(message);
});

test('the former name produces the same', () => {
  expect(createTokenizerPlugin().produces?.({}, 'tokenizer')).toEqual([tokenizedPrompt()]);
});
