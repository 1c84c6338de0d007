import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ApiKind } from './api-descriptor.ts';
import { cutAt } from './chunk-list.ts';
import { createResponseObserver } from './response-observer.ts';
import type { ResponseObservation, ResponseObserverOptions } from './response-observer.ts';

function observe(
  options: ResponseObserverOptions,
  body: Uint8Array | string,
  cuts: readonly number[] = [],
): ResponseObservation {
  const observer = createResponseObserver(options);
  let events = 0;
  for (const chunk of cutAt(Buffer.from(body), cuts)) events += observer.push(chunk);
  const observation = observer.observe();
  expect(events).toBe(observation.events);
  return observation;
}

function golden(name: string): Buffer {
  return readFileSync(new URL(`./testdata/${name}`, import.meta.url));
}

const everyBorder = Array.from({ length: 20_000 }, (_, index) => index);

describe('of a captured stream', () => {
  test.each<[string, ApiKind, Partial<ResponseObservation>]>([
    [
      'chat_stream.sse',
      'chat-completions',
      { events: 7, done: true, usage: undefined, finishReason: 'length' },
    ],
    [
      'chat_stream_usage.sse',
      'chat-completions',
      {
        events: 8,
        done: true,
        usage: { promptTokens: 29, completionTokens: 6, totalTokens: 35, cachedTokens: 16 },
        finishReason: 'length',
      },
    ],
    [
      'chat_stream_continuous_usage.sse',
      'chat-completions',
      {
        done: true,
        usage: expect.objectContaining({
          promptTokens: 29,
          completionTokens: 6,
          totalTokens: 35,
        }) as never,
      },
    ],
    [
      'completion_stream_usage.sse',
      'completions',
      {
        done: true,
        usage: expect.objectContaining({ completionTokens: 6 }) as never,
        finishReason: 'length',
      },
    ],
    [
      'generate_stream_usage.sse',
      'vllm-generate',
      {
        events: 5,
        done: true,
        usage: { promptTokens: 4, completionTokens: 4, totalTokens: 8, cachedTokens: 0 },
        finishReason: 'length',
      },
    ],
    [
      'messages_stream.sse',
      'messages',
      {
        events: 11,
        done: false,
        usage: { promptTokens: 13, completionTokens: 6, totalTokens: 19, cachedTokens: 0 },
        finishReason: 'max_tokens',
      },
    ],
    [
      'responses_stream.sse',
      'responses',
      {
        events: 12,
        done: false,
        usage: { promptTokens: 14, completionTokens: 6, totalTokens: 20, cachedTokens: 0 },
        finishReason: 'max_output_tokens',
      },
    ],
  ])('%s the same is seen in one piece, byte by byte and with CR LF', (name, api, expected) => {
    const body = golden(name);
    const whole = observe({ api, streaming: true }, body);
    expect(whole).toMatchObject({ ...expected, bytes: body.length, oversizedLines: 0 });
    expect(observe({ api, streaming: true }, body, everyBorder)).toEqual(whole);
    for (const end of ['\r\n', '\r']) {
      const other = body.toString().replaceAll('\n', end);
      for (const cuts of [[], everyBorder]) {
        expect(observe({ api, streaming: true }, other, cuts)).toEqual({
          ...whole,
          bytes: Buffer.byteLength(other),
        });
      }
    }
  });
});

describe('of a captured body', () => {
  test.each<[string, ApiKind, Partial<ResponseObservation>]>([
    [
      'chat.json',
      'chat-completions',
      {
        usage: { promptTokens: 29, completionTokens: 6, totalTokens: 35, cachedTokens: 0 },
        finishReason: 'length',
      },
    ],
    ['completion.json', 'completions', { finishReason: 'length' }],
    [
      'generate.json',
      'vllm-generate',
      {
        usage: { promptTokens: 4, completionTokens: 4, totalTokens: 8, cachedTokens: 0 },
        finishReason: 'length',
      },
    ],
    [
      'messages.json',
      'messages',
      {
        usage: { promptTokens: 13, completionTokens: 6, totalTokens: 19, cachedTokens: 0 },
        finishReason: 'max_tokens',
      },
    ],
    [
      'responses.json',
      'responses',
      {
        usage: { promptTokens: 14, completionTokens: 6, totalTokens: 20, cachedTokens: 0 },
        finishReason: 'max_output_tokens',
      },
    ],
    ['err_unknown_model.json', 'chat-completions', { usage: undefined, finishReason: undefined }],
  ])('%s usage is found at any chunking', (name, api, expected) => {
    const body = golden(name);
    for (const cuts of [[], everyBorder]) {
      expect(observe({ api, streaming: false }, body, cuts)).toMatchObject({
        ...expected,
        events: 0,
        bytes: body.length,
      });
    }
  });
});

describe('usage', () => {
  test('of SGLang is in meta_info, the last of a stream counts', () => {
    const event = (tokens: number, finish: unknown) =>
      `data: ${JSON.stringify({
        text: 'x "meta_info":',
        meta_info: {
          prompt_tokens: 5,
          completion_tokens: tokens,
          cached_tokens: 2,
          finish_reason: finish,
        },
      })}\n\n`;
    const stream = `${event(1, null)}${event(2, { type: 'stop', matched: 7 })}data: [DONE]\n\n`;
    expect(observe({ api: 'sglang-generate', streaming: true }, stream)).toMatchObject({
      events: 2,
      done: true,
      usage: { promptTokens: 5, completionTokens: 2, totalTokens: 7, cachedTokens: 2 },
      finishReason: 'stop',
    });
  });

  test('of embeddings has no completion', () => {
    const body = {
      data: [{ embedding: [-0.5, 1e-9] }],
      usage: { prompt_tokens: 4, total_tokens: 4 },
    };
    expect(observe({ api: 'embeddings', streaming: false }, JSON.stringify(body)).usage).toEqual({
      promptTokens: 4,
      completionTokens: 0,
      totalTokens: 4,
    });
  });

  test('of Anthropic adds what the cache took part in', () => {
    const stream =
      'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3,"cache_read_input_tokens":100,"cache_creation_input_tokens":7,"output_tokens":1}}}\n\n' +
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}\n\n';
    expect(observe({ api: 'messages', streaming: true }, stream)).toMatchObject({
      usage: { promptTokens: 110, completionTokens: 9, totalTokens: 119, cachedTokens: 100 },
      finishReason: 'end_turn',
    });
  });

  test('in a content is no usage', () => {
    const content = '"usage":{"prompt_tokens":1},"finish_reason":"x"';
    const stream = `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: null }], usage: null })}\n\n`;
    expect(observe({ api: 'chat-completions', streaming: true }, stream)).toMatchObject({
      usage: undefined,
      finishReason: undefined,
    });
    expect(
      observe(
        { api: 'chat-completions', streaming: false },
        JSON.stringify({ x: { usage: { prompt_tokens: 1 } } }),
      ).usage,
    ).toBeUndefined();
  });

  test('is there before the stream has ended', () => {
    const observer = createResponseObserver({ api: 'chat-completions', streaming: true });
    const event = (tokens: number) =>
      Buffer.from(
        `data: {"usage": {"prompt_tokens":1,"completion_tokens":${tokens},"total_tokens":${1 + tokens}}}\n\n`,
      );
    observer.push(event(1));
    expect(observer.observe().usage?.completionTokens).toBe(1);
    observer.push(event(2));
    expect(observer.observe().usage?.completionTokens).toBe(2);
  });
});

test('a line that is too long and comes in pieces is counted, not kept', () => {
  const long = `data: {"x":"${'y'.repeat(200)}","usage":{"prompt_tokens":1}}\n\n`;
  const rest = 'data: {"usage":{"prompt_tokens":2}}\n\n';
  const cuts = Array.from({ length: 60 }, (_, index) => index * 5);
  const options = { api: 'completions', streaming: true, maxLineBytes: 100 } as const;
  expect(observe(options, long, cuts)).toMatchObject({
    events: 1,
    oversizedLines: 1,
    usage: undefined,
  });
  expect(observe(options, long + rest, cuts)).toMatchObject({
    events: 2,
    oversizedLines: 1,
    usage: { promptTokens: 2 },
  });
});

test('comments, other fields and what is no JSON are passed over', () => {
  const stream = ': ping\n\nevent: x\nid: 1\n\ndata\n\ndata: {"usage":\n\ndatas: {}\n\n';
  expect(observe({ api: 'completions', streaming: true }, stream)).toMatchObject({
    events: 2,
    usage: undefined,
  });
});
