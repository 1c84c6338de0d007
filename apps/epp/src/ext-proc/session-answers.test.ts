import { definePlugin } from '@llm-d/scheduler-core';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import {
  answerBody,
  chatBody,
  createScene,
  headerMap,
  labelsOf,
  metricNamed,
  requestBody,
  requestHead,
  responseBody,
  responseHead,
  type Scene,
  type SceneOptions,
} from './session.testing.ts';

const recordOf = (scene: Scene) => scene.picker.decisions.recent(1)[0]?.answer;
const running = (scene: Scene): number =>
  scene.metrics.value(metricNamed('llm_d_epp_request_running'), labelsOf('test-model'));
const eventStream = responseHead({ 'content-type': 'text/event-stream; charset=utf-8' });

/** A request that has its place, and whoever asked. */
async function placed(options: SceneOptions = {}, members: Readonly<Record<string, unknown>> = {}) {
  const scene = createScene(options);
  const peer = scene.open();
  await peer.say(requestHead(), requestBody(chatBody(members)));
  return { scene, peer };
}

describe('the head of an answer', () => {
  test('passes unchanged', async () => {
    const { peer } = await placed();
    await peer.say(responseHead());
    expect(peer.replies.at(-1)).toMatchObject({
      response: 'responseHeaders',
      responseHeaders: { response: { headerMutation: null } },
    });
  });

  test.each([
    [':status', '500', 500],
    ['status', '429', 429],
  ])('tells in %s how it went', async (name, value, status) => {
    const { scene, peer } = await placed();
    const headers = headerMap({ [name]: value });
    await peer.say({ responseHeaders: { headers, endOfStream: true } });
    expect(recordOf(scene)).toMatchObject({ status, termination: 'natural' });
    const labels = { ...labelsOf('test-model'), error_code: 'ModelServerError' };
    expect(scene.metrics.value(metricNamed('llm_d_epp_request_error_total'), labels)).toBe(1);
  });

  test('may be all there is', async () => {
    const { scene, peer } = await placed();
    await peer.say(responseHead({ ':status': '204' }, { endOfStream: true }));
    expect([running(scene), recordOf(scene)?.termination]).toEqual([0, 'natural']);
    peer.close();
    expect(recordOf(scene)?.termination).toBe('natural');
  });

  test('is the end for a proxy that keeps bodies to itself', async () => {
    const scene = createScene();
    const peer = scene.open();
    const protocolConfig = { requestBodyMode: 4, responseBodyMode: 0 };
    await peer.say({ ...requestHead(), protocolConfig }, requestBody(chatBody()));
    await peer.say(responseHead());
    expect([running(scene), recordOf(scene)?.termination]).toEqual([0, 'natural']);
  });
});

describe('the body of an answer', () => {
  test('passes at once where it is a stream, and its usage is counted wherever it is cut', async () => {
    const { scene, peer } = await placed({}, { stream: true });
    const text =
      'data: {"model":"test-model","choices":[]}\n\ndata: {"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\ndata: [DONE]\n\n';
    await peer.say(eventStream);
    for (let at = 0; at < text.length; at += 11) {
      await peer.say(responseBody(text.slice(at, at + 11)));
      expect(peer.body('responseBody')).toBe(text.slice(0, at + 11));
    }
    await peer.say(responseBody('', { endOfStream: true }));
    expect(peer.chunks('responseBody').at(-1)).toEqual({ text: '', eos: true });
    expect(recordOf(scene)).toMatchObject({
      termination: 'natural',
      usage: { promptTokens: 7, completionTokens: 3 },
    });
  });

  test('counts what was seen of a stream that breaks off', async () => {
    const { scene, peer } = await placed({}, { stream: true });
    await peer.say(
      eventStream,
      responseBody('data: {"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'),
    );
    peer.close();
    expect(recordOf(scene)).toMatchObject({
      termination: 'client-disconnect',
      usage: { promptTokens: 7 },
    });
  });

  test('is passed on in full messages where it is long, and never held back further', async () => {
    const { peer } = await placed();
    await peer.say(responseHead());
    const text = JSON.stringify({ data: 'x'.repeat(150_000) });
    for (let at = 0; at < text.length; at += 10_000)
      await peer.say(responseBody(text.slice(at, at + 10_000)));
    expect(text.length - peer.body('responseBody').length).toBeLessThanOrEqual(62_000);
    await peer.say(responseBody('', { endOfStream: true }));
    expect(peer.body('responseBody')).toBe(text);
    const lengths = peer.chunks('responseBody').map((chunk) => chunk.text.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(62_000);
    expect(peer.chunks('responseBody').filter(({ eos }) => eos)).toHaveLength(1);
  });

  test('of another type is passed on as it comes', async () => {
    const { peer } = await placed();
    await peer.say(responseHead({ 'content-type': 'audio/wav' }), responseBody('RIFF'));
    expect(peer.chunks('responseBody')).toEqual([{ text: 'RIFF', eos: false }]);
  });

  test('ends with trailers where it has them', async () => {
    const { scene, peer } = await placed();
    await peer.say(responseHead(), responseBody(answerBody()), {
      responseTrailers: { trailers: headerMap({ 'grpc-status': '0' }) },
    });
    expect(peer.chunks('responseBody')).toEqual([{ text: answerBody(), eos: false }]);
    expect(peer.replies.at(-1)?.response).toBe('responseTrailers');
    expect(recordOf(scene)).toMatchObject({ termination: 'natural', usage: { promptTokens: 7 } });
  });

  test('stops the proxy while it waits, and goes on when it has been taken', async () => {
    const { peer } = await placed({}, { stream: true });
    await peer.say(eventStream);
    peer.room = 1;
    await peer.say(responseBody('data: 1\n\n'));
    expect(peer.paused).toBe(true);
    peer.session.onDrain();
    expect(peer.paused).toBe(false);
  });

  test('is over once, whatever comes behind it', async () => {
    const { scene, peer } = await placed();
    await peer.say(responseHead(), responseBody(answerBody(), { endOfStream: true }));
    const before = peer.replies.length;
    await peer.say(responseBody('late', { endOfStream: true }), responseHead());
    await peer.say({ responseTrailers: {} });
    expect([peer.replies.length, running(scene)]).toEqual([before, 0]);
  });
});

describe('the model of a rewritten request', () => {
  const rule = { models: ['test-model'], targets: [{ model: 'served' }] };
  const policies = { rewrites: [{ name: 'r', createdAtEpochMs: 0, rules: [rule] }] };

  test('is given back in its field, never in a content', async () => {
    const { peer } = await placed({ policies });
    await peer.say(
      responseHead({ 'content-length': '9' }),
      responseBody(answerBody('served'), { endOfStream: true }),
    );
    const answer: unknown = JSON.parse(peer.body('responseBody'));
    expect(answer).toMatchObject({
      model: 'test-model',
      choices: [{ message: { content: '"model":"served"' } }],
    });
    expect(
      peer.replies.find((r) => r.responseHeaders)?.responseHeaders?.response?.headerMutation
        ?.removeHeaders,
    ).toEqual(['content-length']);
  });

  test('is given back in every event, wherever it is cut', async () => {
    const { peer } = await placed({ policies }, { stream: true });
    const event = 'data: {"model":"served","choices":[{"delta":{"content":"served"}}]}\n\n';
    const text = event.repeat(3);
    await peer.say(eventStream);
    for (let at = 0; at < text.length; at += 7)
      await peer.say(responseBody(text.slice(at, at + 7)));
    await peer.say(responseBody('', { endOfStream: true }));
    expect(peer.body('responseBody')).toBe(
      text.replaceAll('"model":"served"', '"model":"test-model"'),
    );
  });

  test('is given back even where answers are nobody’s business', async () => {
    const { peer } = await placed({ policies, settings: { responseProcessing: 'none' } });
    expect(peer.ended).toBeUndefined();
    const plain = await placed({ settings: { responseProcessing: 'none' } });
    expect([plain.peer.ended?.status, running(plain.scene)]).toEqual([0, 0]);
  });
});

test('counting tokens ends the stream when the request is on its way', async () => {
  const scene = createScene();
  const peer = scene.open();
  await peer.say(
    requestHead({ ':path': '/v1/messages/count_tokens' }),
    requestBody(chatBody({ max_tokens: 1 })),
  );
  expect(peer.chunks('requestBody').at(-1)?.eos).toBe(true);
  expect([peer.ended?.status, running(scene)]).toEqual([0, 0]);
});

test('an answer of the proxy’s own passes, and calls off the search for a place', async () => {
  const scene = createScene();
  const peer = scene.open();
  const said = peer.say(requestHead(), requestBody(chatBody()), responseHead({ ':status': '408' }));
  await said;
  await peer.say(responseBody('too slow', { endOfStream: true }));
  expect(peer.replies.map(({ response }) => response)).toEqual(['responseHeaders', 'responseBody']);
  expect(running(scene)).toBe(0);
});

test('plugins see the head with what the proxy sent along, change it, and have the last word', async () => {
  const plugin = definePlugin({
    type: 'last-word',
    summary: 'Talks with the proxy.',
    stability: 'beta',
    points: ['response'],
    parameters: z.strictObject({}),
    create: () => ({
      response: {
        responseHeaders: (_exchange, headers, client, metadata) => {
          const served = metadata?.['envoy.lb']?.['x-gateway-destination-endpoint-served'];
          client.set('x-served', `${String(served)} ${headers.get('x-server') ?? ''}`);
        },
        responseCompleted: () => ({ 'my.app': { tokens: 5, tags: ['a', true, null] } }),
      },
    }),
  });
  const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: last-word}, {type: queue-scorer}]
`;
  const { peer } = await placed({ config, plugins: [plugin] });
  const served = { 'x-gateway-destination-endpoint-served': { stringValue: '192.168.1.2:8000' } };
  await peer.say(
    {
      ...responseHead({ 'x-server': 'a' }),
      metadataContext: { filterMetadata: { 'envoy.lb': { fields: served } } },
    },
    responseBody(answerBody(), { endOfStream: true }),
  );
  expect(peer.responseHeaders).toEqual({ 'x-served': '192.168.1.2:8000 a' });
  expect(peer.replies.at(-1)?.dynamicMetadata).toMatchObject({
    fields: {
      'my.app': {
        structValue: {
          fields: {
            tokens: { numberValue: 5 },
            tags: {
              listValue: { values: [{ stringValue: 'a' }, { boolValue: true }, { nullValue: 0 }] },
            },
          },
        },
      },
    },
  });
});
