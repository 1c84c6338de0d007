import { describe, expect, test } from 'vitest';
import {
  answerBody,
  chatBody,
  createScene,
  labelsOf,
  metricNamed,
  requestBody,
  requestHead,
  responseBody,
  responseHead,
  withSubset,
  type SceneOptions,
} from './session.testing.ts';

/** What the cases of llm-d's own suite begin with. */
const threePods = [
  { hostPort: '192.168.1.1:8000', waitingRequests: 3, kvCacheUsage: 0.2 },
  { hostPort: '192.168.1.2:8000', waitingRequests: 0, kvCacheUsage: 0.1 },
  { hostPort: '192.168.1.3:8000', waitingRequests: 10, kvCacheUsage: 0.2 },
];
const loraConfig = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: queue-scorer}
- {type: kv-cache-utilization-scorer}
- {type: lora-affinity-scorer}
`;
const completion = (members: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    max_tokens: 100,
    model: 'my-model',
    prompt: 'test1',
    temperature: 0,
    ...members,
  });
const completionHead = (headers: Readonly<Record<string, string>> = {}) =>
  requestHead({ ':path': '/v1/completions', ...headers });

const openUpstreamLike = (options: SceneOptions = {}) =>
  createScene({ ...options, settings: { repeatsHeaders: true, ...options.settings } });

describe('as llm-d answers', () => {
  test('the server with the lower queue and cache usage is chosen', async () => {
    const peer = openUpstreamLike({ servers: threePods }).open();
    const body = completion();
    await peer.say(completionHead({ hi: 'mom' }), requestBody(body));
    expect(peer.requestHeaders).toEqual({
      'x-gateway-destination-endpoint': '192.168.1.2:8000',
      'content-length': String(body.length),
      hi: 'mom',
      'content-type': 'application/json',
      'x-request-id': 'r1',
    });
    expect(peer.replies[0]?.requestHeaders?.response?.clearRouteCache).toBe(true);
    expect(peer.replies[0]?.dynamicMetadata).toMatchObject({
      fields: {
        'envoy.lb': {
          structValue: {
            fields: { 'x-gateway-destination-endpoint': { stringValue: '192.168.1.2:8000' } },
          },
        },
      },
    });
    expect(peer.chunks('requestBody')).toEqual([{ text: body, eos: true }]);
    expect(peer.replies).toHaveLength(2);
  });

  test('a server that has the adapter is chosen before one with less load', async () => {
    const servers = [
      {
        ...threePods[0],
        hostPort: '192.168.1.1:8000',
        kvCacheUsage: 0.1,
        waitingRequests: 0,
        maxLoras: 4,
      },
      {
        hostPort: '192.168.1.2:8000',
        kvCacheUsage: 0.2,
        waitingRequests: 0,
        activeLoras: ['sql-lora-1fdg2'],
        maxLoras: 4,
      },
    ];
    const peer = openUpstreamLike({ servers, config: loraConfig }).open();
    await peer.say(completionHead(), requestBody(completion({ model: 'sql-lora-1fdg2' })));
    expect(peer.requestHeaders['x-gateway-destination-endpoint']).toBe('192.168.1.2:8000');
  });

  test('a body in two chunks gets one answer', async () => {
    const peer = openUpstreamLike().open();
    const body = completion();
    await peer.say(
      completionHead(),
      requestBody(body.slice(0, 20), { endOfStream: false }),
      requestBody(body.slice(20)),
    );
    expect(peer.replies).toHaveLength(2);
    expect(peer.chunks('requestBody')).toEqual([{ text: body, eos: true }]);
  });

  test.each([
    [
      'invalid JSON',
      'no healthy upstream',
      400,
      /^inference error: BadRequest - error unmarshaling request bodyMap: /,
    ],
    [
      'no model',
      '{"prompt":"hello world"}',
      400,
      /^inference error: BadRequest - model not found in request body$/,
    ],
  ])('a body with %s', async (_, body, status, text) => {
    const peer = openUpstreamLike().open();
    await peer.say(completionHead(), requestBody(body));
    expect(peer.immediate?.status).toBe(status);
    expect(peer.immediate?.body).toMatch(text);
    expect(peer.replies).toHaveLength(1);
    expect(peer.ended?.status).toBe(0);
  });

  test('a request without a body and without servers', async () => {
    const peer = openUpstreamLike({ servers: [] }).open();
    await peer.say(requestHead({ ':method': 'GET' }, { endOfStream: true }));
    expect(peer.immediate).toMatchObject({
      status: 500,
      body: 'inference error: Internal - no pods available in datastore',
    });
  });

  test('a subset that names nobody', async () => {
    const peer = openUpstreamLike().open();
    await peer.say(completionHead(), withSubset(requestBody(completion()), ['10.9.9.9']));
    expect(peer.immediate).toEqual({
      status: 503,
      body: 'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request',
      headers: { 'x-llm-d-request-dropped-reason': 'rejected-no-endpoints' },
    });
  });

  test('a model that is rewritten', async () => {
    const rule = { models: ['model-to-be-rewritten'], targets: [{ model: 'rewritten-model' }] };
    const rewrites = [{ name: 'rewrite', createdAtEpochMs: 0, rules: [rule] }];
    const peer = openUpstreamLike({ policies: { rewrites } }).open();
    await peer.say(completionHead(), requestBody(completion({ model: 'model-to-be-rewritten' })));
    expect(JSON.parse(peer.body('requestBody'))).toMatchObject({ model: 'rewritten-model' });
    expect(peer.requestHeaders['content-length']).toBe(String(peer.body('requestBody').length));
  });

  test('an answer in several chunks leaves in one, and its head is marked', async () => {
    const peer = openUpstreamLike().open();
    await peer.say(requestHead(), requestBody(chatBody()));
    const body = answerBody();
    await peer.say(
      responseHead({ 'x-server': 'a' }),
      responseBody(body.slice(0, 30)),
      responseBody(body.slice(30), { endOfStream: true }),
    );
    expect(peer.responseHeaders).toMatchObject({
      'x-went-into-resp-headers': 'true',
      'content-type': 'application/json',
      'x-server': 'a',
    });
    expect(peer.chunks('responseBody')).toEqual([{ text: body, eos: true }]);
  });

  test('a streamed answer passes chunk by chunk, and its usage is counted', async () => {
    const scene = openUpstreamLike();
    const peer = scene.open();
    await peer.say(requestHead(), requestBody(chatBody({ stream: true })));
    const chunks = [
      'data: {"choices":[{"text":"Hello"}]}\n\n',
      'data: {"usage":{"prompt_tokens":7,"total_tokens":17,"completion_tokens":10}}\n\ndata: [DONE]\n\n',
      '',
    ];
    await peer.say(responseHead({ 'content-type': 'text/event-stream' }));
    for (const [i, chunk] of chunks.entries()) {
      await peer.say(responseBody(chunk, { endOfStream: i === 2 }));
    }
    expect(peer.chunks('responseBody')).toEqual(chunks.map((text, i) => ({ text, eos: i === 2 })));
    const inputTokens = metricNamed('llm_d_epp_request_input_tokens');
    expect(scene.metrics.observations(inputTokens, labelsOf('test-model'))).toEqual([7]);
  });
});
