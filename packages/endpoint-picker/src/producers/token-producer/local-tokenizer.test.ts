import { VirtualClock } from '@llm-d/determinism';
import type {
  TokenizedRequest,
  TokenizerCall,
  TokenizerPool,
  TokenizerPoolOptions,
} from '@llm-d/inference-api/tokenizer';
import { tokenizedPrompt, type Prompt, type SchedulingRequest } from '@llm-d/scheduler-core';
import { makeCycle } from '@llm-d/scheduler-core/testing';
import { describe, expect, test } from 'vitest';
import { instantiate } from '../producing.testing.ts';
import { createTokenProducer } from './token-producer.ts';

const tokens = (
  ids: readonly number[],
  promptStarts: readonly number[] = [],
): TokenizedRequest => ({
  ids: Uint32Array.from(ids),
  promptStarts,
});
const failure = (code: string, message: string) => Object.assign(new Error(message), { code });

/** A tokenizer that answers as a test says. */
function fakeTokenizer(answer: (call: TokenizerCall) => Promise<TokenizedRequest>) {
  const calls: { readonly api: string; readonly body: string }[] = [];
  const started: TokenizerPoolOptions[] = [];
  let closed = 0;
  const pool: TokenizerPool = {
    tokenize: (call) => {
      calls.push({ api: call.api, body: Buffer.concat(call.body).toString() });
      return answer(call);
    },
    state: { directory: '/model', queued: 0, workers: [] },
    close: () => {
      closed++;
      return Promise.resolve();
    },
  };
  return {
    calls,
    started,
    get closed() {
      return closed;
    },
    start: (options: TokenizerPoolOptions) => {
      started.push(options);
      return Promise.resolve(pool);
    },
  };
}

const request = (more: Partial<SchedulingRequest> = {}, api = 'chat-completions') => ({
  prompt: { kind: 'text', bytes: Buffer.from('Hello') } satisfies Prompt,
  targetModel: 'base',
  body: {
    api,
    withModel: (model: string) => [Buffer.from('{"model":'), Buffer.from(`"${model}"}`)],
  },
  ...more,
});

async function run(
  given: Partial<SchedulingRequest>,
  answer: (call: TokenizerCall) => Promise<TokenizedRequest> = () =>
    Promise.resolve(tokens([7, 8])),
  signal: AbortSignal = new AbortController().signal,
) {
  const tokenizer = fakeTokenizer(answer);
  const plugin = instantiate(createTokenProducer(tokenizer.start), {
    parameters: { local: { directory: '/model' } },
  });
  const cycle = makeCycle({ request: given });
  const produced = plugin.producer?.produce(cycle, [], { attributes: cycle.attributes, signal });
  const error = await Promise.resolve(produced).catch((thrown: unknown) => thrown);
  return {
    tokenized: cycle.attributes.get(tokenizedPrompt()),
    error,
    calls: tokenizer.calls,
    state: plugin.state?.(),
  };
}

describe('a tokenizer in this process', () => {
  test('is given the body', async () => {
    const { tokenized, calls, error, state } = await run(request());
    expect(calls).toEqual([{ api: 'chat-completions', body: '{"model":"base"}' }]);
    expect(tokenized).toEqual({ ids: Uint32Array.of(7, 8), estimated: false });
    expect(error).toBeUndefined();
    expect(state).toMatchObject({ directory: '/model', tokenized: 1, estimated: {} });
  });

  test('says where prompts begin', async () => {
    const { tokenized } = await run(request({}, 'completions'), () =>
      Promise.resolve(tokens([1, 2, 1, 3], [2])),
    );
    expect(tokenized?.promptStarts).toEqual([2]);
  });

  test.each<[string, Partial<SchedulingRequest>, object]>([
    [
      'the client tokenized',
      request({ prompt: { kind: 'tokens', ids: Uint32Array.of(5) } }),
      { estimated: false },
    ],
    ['another API brings', request({}, 'responses'), { estimated: true }],
    [
      'has media',
      request({ mediaItems: [{ kind: 'image', key: 'i' }] }),
      { estimated: true, estimatedFor: 'media take a render service' },
    ],
  ])('is not asked for a prompt that %s', async (_, given, expected) => {
    const { tokenized, calls, error } = await run(given);
    expect(calls).toEqual([]);
    expect(tokenized).toMatchObject(expected);
    expect(error).toBeUndefined();
  });

  test('that fails leaves an estimate that says why, and is reported', async () => {
    const { tokenized, error, state } = await run(request(), () =>
      Promise.reject(failure('TOKENIZER_TIMEOUT', 'no tokens within 1000 ms')),
    );
    expect(tokenized).toMatchObject({ estimated: true, estimatedFor: 'no tokens within 1000 ms' });
    expect(error).toMatchObject({ code: 'TOKENIZER_TIMEOUT' });
    expect(state).toMatchObject({
      tokenized: 0,
      estimated: { TOKENIZER_TIMEOUT: 1 },
      lastError: 'no tokens within 1000 ms',
    });
  });

  test('that refuses an odd request is not reported', async () => {
    const { tokenized, error, state } = await run(request(), () =>
      Promise.reject(failure('PROMPT_UNSUPPORTED', 'chat_template: that takes a render service')),
    );
    expect(tokenized).toMatchObject({ estimated: true });
    expect(tokenized?.estimatedFor).toContain('chat_template');
    expect(error).toBeUndefined();
    expect(state).not.toHaveProperty('lastError');
  });

  test('whose client left says nothing', async () => {
    const { tokenized, error } = await run(
      request(),
      () => Promise.reject(failure('TOKENIZER_ABORTED', 'nobody waits for the tokens')),
      AbortSignal.abort(),
    );
    expect(tokenized).toBeUndefined();
    expect(error).toBeUndefined();
  });
});

describe('its settings', () => {
  const startedWith = (local: object) => {
    const tokenizer = fakeTokenizer(() => Promise.resolve(tokens([])));
    const clock = new VirtualClock();
    const plugin = instantiate(createTokenProducer(tokenizer.start), {
      parameters: { local },
      clock,
    });
    return { plugin, tokenizer, options: tokenizer.started[0] };
  };

  test('have defaults', () => {
    const { plugin, options } = startedWith({ directory: '/model' });
    expect(options).toMatchObject({
      directory: '/model',
      workers: 1,
      maxQueue: 256,
      timeoutMs: 1000,
      cacheBytes: 67_108_864,
    });
    expect(options).not.toHaveProperty('contentFormat');
    expect(plugin.producer?.timeoutMs).toBe(1100);
    expect(plugin.producer?.readsBody).toBe(true);
  });

  test('are the engine’s where it has any', () => {
    const { options } = startedWith({
      directory: '/model',
      chatTemplateFile: '/own.jinja',
      contentFormat: 'openai',
      chatTemplateKwargs: { enable_thinking: false },
      timeout: '250ms',
    });
    expect(options).toMatchObject({
      chatTemplateFile: '/own.jinja',
      contentFormat: 'openai',
      defaultTemplateKwargs: { enable_thinking: false },
      timeoutMs: 250,
    });
  });

  test('close it with the plugin', async () => {
    const { plugin, tokenizer } = startedWith({ directory: '/model' });
    await plugin.close?.();
    expect(tokenizer.closed).toBe(1);
  });
});

test('a program without a tokenizer refuses to start one', () => {
  expect(() =>
    instantiate(createTokenProducer(), { parameters: { local: { directory: '/model' } } }),
  ).toThrow('no tokenizer built in');
});

test('a tokenizer that cannot be started leaves estimates', async () => {
  const plugin = instantiate(
    createTokenProducer(() => Promise.reject(new Error('not there'))),
    { parameters: { local: { directory: '/model' } } },
  );
  const cycle = makeCycle({ request: request() });
  const output = { attributes: cycle.attributes, signal: new AbortController().signal };
  await expect(plugin.producer?.produce(cycle, [], output)).rejects.toThrow('not there');
  expect(cycle.attributes.get(tokenizedPrompt())?.estimatedFor).toBe('not there');
  await plugin.close?.();
});
