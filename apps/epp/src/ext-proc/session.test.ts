import { describe, expect, test } from 'vitest';
import {
  chatBody,
  createScene,
  headerMap,
  labelsOf,
  metricNamed,
  requestBody,
  requestHead,
  responseBody,
  responseHead,
  withSubset,
  type Scene,
} from './session.testing.ts';

const running = (scene: Scene): number =>
  scene.metrics.value(metricNamed('llm_d_epp_request_running'), labelsOf('test-model'));
const terminationOf = (scene: Scene) => scene.picker.decisions.recent(1)[0]?.answer?.termination;

describe('the head of a request', () => {
  test('is not answered before the body is complete', async () => {
    const peer = createScene().open();
    await peer.say(requestHead(), requestBody(chatBody(), { endOfStream: false }));
    expect(peer.replies).toEqual([]);
  });

  test('without a body goes where scheduling sends it', async () => {
    const servers = [
      { hostPort: '192.168.1.1:8000', waitingRequests: 9 },
      { hostPort: '[fd00::1]:8000', waitingRequests: 0 },
    ];
    const peer = createScene({ servers }).open();
    await peer.say(requestHead({ ':method': 'GET', ':path': '/v1/models' }, { endOfStream: true }));
    expect(peer.requestHeaders).toEqual({
      'x-gateway-destination-endpoint': '[fd00::1]:8000',
      'x-request-id': 'r1',
    });
    expect(peer.chunks('requestBody')).toEqual([]);
  });

  test('is given an id where it has none', async () => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say(requestHead({ 'x-request-id': '' }), requestBody(chatBody()));
    expect(peer.requestHeaders['x-request-id']).toBe('generated-1');
    expect(scene.picker.decisions.find('generated-1')).toHaveLength(1);
  });

  test('is read from `value` where `raw_value` is empty, and whatever the case of its names', async () => {
    const peer = createScene().open();
    const headers = [
      { key: ':Path', value: '/v1/chat/completions' },
      { key: 'X-Request-ID', value: 'old-proxy' },
    ];
    await peer.say(
      { requestHeaders: { headers: { headers }, endOfStream: false } },
      requestBody(chatBody()),
    );
    expect(peer.requestHeaders['x-request-id']).toBe('old-proxy');
  });

  test.each(['x-gateway-destination-endpoint', 'x-prefiller-host-port', 'x-data-parallel-rank'])(
    'loses %s, which only the platform may set',
    async (name) => {
      const peer = createScene().open();
      await peer.say(requestHead({ [name]: '6.6.6.6:1' }), requestBody(chatBody()));
      expect(peer.removedHeaders).toEqual([name]);
      expect(peer.requestHeaders['x-gateway-destination-endpoint']).toMatch(/^192\.168\./);
    },
  );

  test('keeps a platform header that the configuration reads', async () => {
    const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: header-based-testing-filter}]
`;
    const honouredHeaders = new Set(['test-epp-endpoint-selection']);
    const peer = createScene({ config, settings: { honouredHeaders } }).open();
    await peer.say(
      requestHead({ 'test-epp-endpoint-selection': '192.168.1.2' }),
      requestBody(chatBody()),
    );
    expect(peer.requestHeaders['x-gateway-destination-endpoint']).toBe('192.168.1.2:8000');
    expect(peer.removedHeaders).toEqual([]);
  });

  test('says what counts for priority and fairness, in both generations of names', async () => {
    const scene = createScene({ policies: { objectives: new Map([['batch', -5]]) } });
    const claims = {
      'x-gateway-inference-objective': 'batch',
      'x-llm-d-inference-fairness-id': 'tenant',
    };
    await scene.open().say(requestHead(claims), requestBody(chatBody()));
    const labels = { ...labelsOf('test-model'), fairness_id: 'tenant', priority: '-5' };
    expect(scene.metrics.value(metricNamed('llm_d_epp_request_total'), labels)).toBe(1);
  });
});

describe('a subset hint', () => {
  const toSecond = ['192.168.1.2:8000'];
  test.each([
    ['with the head', [withSubset(requestHead(), toSecond), requestBody(chatBody())]],
    ['with the body', [requestHead(), withSubset(requestBody(chatBody()), toSecond)]],
    ['as a text', [withSubset(requestHead(), toSecond.join(',')), requestBody(chatBody())]],
    [
      'twice, of which the last counts',
      [withSubset(requestHead(), ['192.168.1.1']), withSubset(requestBody(chatBody()), toSecond)],
    ],
  ])('counts %s', async (_, messages) => {
    const peer = createScene().open();
    await peer.say(...messages);
    expect(peer.requestHeaders['x-gateway-destination-endpoint']).toBe('192.168.1.2:8000');
  });

  test('counts for requests without a body', async () => {
    const peer = createScene().open();
    await peer.say(withSubset(requestHead({}, { endOfStream: true }), []));
    expect(peer.immediate?.status).toBe(503);
  });

  test('is ignored where the settings say so', async () => {
    const peer = createScene({ settings: { honoursSubset: false } }).open();
    await peer.say(withSubset(requestHead(), []), requestBody(chatBody()));
    expect(peer.immediate).toBeUndefined();
    expect(peer.replies).toHaveLength(2);
  });
});

describe('the body of a request', () => {
  test('comes back in messages of at most 62,000 bytes, byte for byte', async () => {
    const peer = createScene().open();
    const body = chatBody({ user: 'ü'.repeat(100_000) });
    const bytes = Buffer.from(body);
    await peer.say(requestHead());
    for (let at = 0; at < bytes.length; at += 32_768) {
      const chunk = bytes.subarray(at, at + 32_768);
      await peer.say(requestBody(chunk, { endOfStream: at + 32_768 >= bytes.length }));
    }
    const sent = peer.replies.flatMap(({ requestBody: reply }) => {
      const streamed = reply?.response?.bodyMutation?.streamedResponse;
      return streamed ? [streamed] : [];
    });
    expect(Buffer.concat(sent.map((chunk) => chunk.body)).equals(bytes)).toBe(true);
    expect(sent.map((chunk) => chunk.body.length)).toEqual([
      62_000,
      62_000,
      62_000,
      bytes.length - 186_000,
    ]);
    expect(sent.map((chunk) => chunk.endOfStream)).toEqual([false, false, false, true]);
  });

  test('that ends with trailers is answered with trailers, and no chunk of it is the last', async () => {
    const peer = createScene().open();
    await peer.say(requestHead(), requestBody(chatBody(), { endOfStream: false }), {
      requestTrailers: { trailers: headerMap({ 'x-checksum': '1' }) },
    });
    expect(peer.chunks('requestBody')).toEqual([{ text: chatBody(), eos: false }]);
    expect(peer.replies.at(-1)?.response).toBe('requestTrailers');
  });

  test('has only one end', async () => {
    const peer = createScene().open();
    await peer.say(requestHead(), requestBody(chatBody()), requestBody('', { endOfStream: true }));
    await peer.say(requestBody('more'), requestHead({ 'x-request-id': 'r2' }));
    expect(peer.replies).toHaveLength(2);
    expect(peer.body('requestBody')).toBe(chatBody());
  });

  test('loses the engines’ cache hand-over, unless a coordinator is trusted with it', async () => {
    const forged = chatBody({ kv_transfer_params: { do_remote_prefill: true } });
    const strict = createScene().open();
    await strict.say(requestHead(), requestBody(forged));
    expect(strict.body('requestBody')).toBe(chatBody());
    expect(strict.requestHeaders['content-length']).toBe(String(chatBody().length));
    const trusting = createScene({ settings: { forwardsTransferParams: true } }).open();
    await trusting.say(requestHead(), requestBody(forged));
    expect(trusting.body('requestBody')).toBe(forged);
  });

  test('of a path that no parser reads passes as it is', async () => {
    const peer = createScene().open();
    await peer.say(
      requestHead({ ':path': '/v1/audio/transcriptions', 'x-llm-d-model-name-rewrite': 'whisper' }),
      requestBody('--form'),
    );
    expect(peer.chunks('requestBody')).toEqual([{ text: '--form', eos: true }]);
  });

  test('may be nothing at all on such a path', async () => {
    const peer = createScene().open();
    await peer.say(requestHead({ ':path': '/sleep' }), requestBody(''));
    expect(peer.chunks('requestBody')).toEqual([{ text: '', eos: true }]);
    expect(peer.requestHeaders['content-length']).toBeUndefined();
  });

  test('is refused before its end when it is too large', async () => {
    const peer = createScene({ settings: { maxBodyBytes: 10 } }).open();
    await peer.say(requestHead(), requestBody(chatBody(), { endOfStream: false }));
    expect(peer.immediate).toMatchObject({
      status: 413,
      body: 'inference error: PayloadTooLarge - the request body has more than the accepted 10 bytes',
    });
    expect(peer.ended?.status).toBe(0);
  });

  test('is sent at the proxy’s pace', async () => {
    const peer = createScene().open();
    peer.room = 2;
    await peer.say(requestHead(), requestBody(chatBody({ user: 'x'.repeat(200_000) })));
    expect(peer.chunks('requestBody').map(({ eos }) => eos)).toEqual([false]);
    peer.room = undefined;
    peer.session.onDrain();
    expect(peer.chunks('requestBody').map(({ eos }) => eos)).toEqual([false, false, false, true]);
    expect(peer.paused).toBe(false);
  });
});

describe('a request that cannot be placed', () => {
  test('for want of a cached prompt is answered 412', async () => {
    const scene = createScene();
    const long = chatBody({ messages: [{ role: 'user', content: 'x'.repeat(2000) }] });
    const first = scene.open();
    await first.say(requestHead({ prefer: 'if-available' }), requestBody(long));
    expect(first.immediate?.status).toBe(412);
    expect(first.immediate?.body).toContain(
      'PreconditionFailed - no decode worker has the requested KV cache',
    );
    await scene.open().say(requestHead(), requestBody(long));
    const again = scene.open();
    await again.say(requestHead({ prefer: 'if-available' }), requestBody(long));
    expect(again.immediate).toBeUndefined();
    expect(again.replies).toHaveLength(2);
  });

  test('is told in the API’s shape where the settings say so', async () => {
    const scene = createScene({ servers: [], settings: { errorFormat: 'openai' } });
    const peer = scene.open();
    await peer.say(requestHead(), requestBody(chatBody()));
    expect(peer.immediate?.headers).toEqual({
      'content-type': 'application/json',
      'retry-after': '1',
      'x-llm-d-request-dropped-reason': 'rejected-no-endpoints',
    });
    expect(JSON.parse(peer.immediate?.body ?? '')).toMatchObject({
      error: { code: 'service_unavailable', type: 'service_unavailable' },
    });
    const anthropic = scene.open();
    await anthropic.say(requestHead({ ':path': '/v1/messages' }), requestBody('{}'));
    expect(JSON.parse(anthropic.immediate?.body ?? '')).toMatchObject({ type: 'error' });
  });

  test('because the process ends is told to come back', async () => {
    const peer = createScene().open();
    await peer.say(requestHead());
    peer.session.shutDown();
    expect(peer.immediate).toMatchObject({
      status: 503,
      headers: { 'x-llm-d-request-dropped-reason': 'rejected-shutting-down' },
    });
    await peer.say(requestBody(chatBody()));
    expect(peer.replies).toHaveLength(1);
  });

  test('because its proxy waits for answers before it sends bodies is refused, with a line in the log', async () => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say({ ...requestHead(), protocolConfig: { requestBodyMode: 2 } });
    expect(peer.immediate?.status).toBe(500);
    expect(scene.logger.lines.map(({ message }) => message)).toEqual([
      'the proxy’s request_body_mode is not FULL_DUPLEX_STREAMED',
    ]);
  });
});

describe('what the proxy is told about the place', () => {
  const placed = async (settings: Parameters<typeof createScene>[0]) => {
    const peer = createScene(settings).open();
    await peer.say(requestHead(), requestBody(chatBody()));
    return peer;
  };
  const twoPicked = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer}, {type: max-score-picker, parameters: {maxNumOfEndpoints: 2}}]
`;

  test('is one address, and a list where the proxy can take one', async () => {
    const one = await placed({ config: twoPicked });
    expect(one.requestHeaders['x-gateway-destination-endpoint']).toMatch(/^[^,]+$/);
    const list = await placed({ config: twoPicked, settings: { destinationFallbacks: true } });
    expect(list.requestHeaders['x-gateway-destination-endpoint']?.split(',')).toHaveLength(2);
  });

  test('are all scores, where it wants them', async () => {
    const servers = [
      { hostPort: '192.168.1.1:8000', waitingRequests: 3 },
      { hostPort: '192.168.1.2:8000' },
    ];
    const settings = { emitEndpointScores: true };
    const peer = await placed({ servers, config: twoPicked, settings });
    const lb = peer.replies[0]?.dynamicMetadata?.fields['envoy.lb']?.structValue?.fields;
    const scores = lb?.['x-gateway-destination-endpoint-scores']?.structValue?.fields;
    expect(Object.entries(scores ?? {}).map(([name, value]) => [name, value.numberValue])).toEqual([
      ['192.168.1.1:8000', 0],
      ['192.168.1.2:8000', 1],
    ]);
  });
});

describe('a client that leaves', () => {
  test('while its body is coming leaves nothing behind', async () => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say(requestHead());
    peer.close();
    expect(scene.picker.decisions.recent(1)).toEqual([]);
    expect(peer.replies).toEqual([]);
  });

  test('while its request is placed is not placed', async () => {
    const scene = createScene();
    const peer = scene.open();
    const said = peer.say(requestHead(), requestBody(chatBody()));
    peer.close();
    await said;
    expect(running(scene)).toBe(0);
    expect(peer.replies).toEqual([]);
  });

  test.each([
    ['before its answer', []],
    ['after the head', [responseHead()]],
    ['in the middle', [responseHead(), responseBody('{"a":')]],
  ])('%s counts as gone', async (_, messages) => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say(requestHead(), requestBody(chatBody()));
    expect(running(scene)).toBe(1);
    await peer.say(...messages);
    peer.close();
    expect([running(scene), terminationOf(scene)]).toEqual([0, 'client-disconnect']);
  });

  test('is told apart from a connection that is lost', async () => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say(requestHead(), requestBody(chatBody()));
    peer.close('connection-lost');
    expect(terminationOf(scene)).toBe('error');
  });

  test('by closing its side is let go', async () => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say(requestHead(), requestBody(chatBody()), responseHead());
    peer.session.onHalfClose();
    expect([running(scene), terminationOf(scene), peer.ended?.status]).toEqual([
      0,
      'client-disconnect',
      0,
    ]);
  });

  test('right after asking gets to know where to go', async () => {
    const scene = createScene();
    const peer = scene.open();
    const said = peer.say(requestHead(), requestBody(chatBody()));
    peer.session.onHalfClose();
    await said;
    expect(peer.replies).toHaveLength(2);
    expect([running(scene), peer.ended?.status]).toEqual([0, 0]);
  });
});

test('bytes that are no message end the stream, and the exchange with it', async () => {
  const scene = createScene();
  const peer = scene.open();
  await peer.say(requestHead(), requestBody(chatBody()));
  peer.session.onMessage(Buffer.of(0xff, 0xff, 0xff));
  expect([peer.ended?.status, running(scene), terminationOf(scene)]).toEqual([3, 0, 'error']);
});
