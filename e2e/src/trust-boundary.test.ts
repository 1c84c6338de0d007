import { startModelServer } from '@llm-d/test-kit';
import { connect as connectHttp2 } from 'node:http2';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, post, startGateway, untilReady } from './stack.ts';

const forged = {
  'x-prefiller-host-port': '10.0.0.1:80',
  'x-prefiller-url': 'http://10.0.0.1',
  'x-encoder-hosts-ports': '10.0.0.1:80',
  'x-data-parallel-host-port': '10.0.0.1:80',
  'x-gateway-destination-endpoint': '10.0.0.1:80',
  'x-gateway-model-name-rewrite': 'other',
  'x-gateway-inference-fairness-id': 'vip',
  'x-gateway-inference-objective': 'critical',
  'x-llm-d-request-dropped-reason': 'none',
  'x-kv-cache-source-host-port': '10.0.0.1:80',
  'test-epp-endpoint-selection': '10.0.0.1:80',
  'epp-profile': 'x',
};

test(
  'nothing by which parts of the platform steer each other passes from a client to an engine',
  async () => {
    await using server = await startModelServer();
    await using gateway = await startGateway([server.url]);
    await untilReady(gateway.url);
    const body =
      '{ "model":"test-model", "kv_transfer_params": {"do_remote_prefill": true, "x": [1, "}"]},\n' +
      '  "messages" : [{"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 é"}], "ec_transfer_params":null,' +
      ' "seed": 1.50e1, "unknown": {"kv_transfer_params": 1}, "kv\\u005ftransfer_params": {"again": 1} }';
    const left =
      '{ "model":"test-model", \n' +
      '  "messages" : [{"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 é"}], ' +
      ' "seed": 1.50e1, "unknown": {"kv_transfer_params": 1} }';
    const headers = {
      ...forged,
      ...{ authorization: 'Bearer mine', 'x-request-id': 'id-1', 'x-custom': 'a, b' },
    };
    const answer = await post(`${gateway.url}/v1/chat/completions?debug=1`, body, { headers });
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, 'id-1']);

    // The other protocol brings its own headers.
    const session = connectHttp2(gateway.url);
    const stream = session.request({
      ...{ ':method': 'POST', ':path': '/v1/chat/completions?debug=1' },
      ...{ ...headers, 'content-type': 'application/json' },
    });
    stream.end(body);
    await text(stream);
    session.close();

    expect(server.requests).toHaveLength(2);
    for (const { path, headers: received, body: bytes } of server.requests) {
      expect(path).toBe('/v1/chat/completions?debug=1');
      expect(bytes.toString()).toBe(left);
      expect(received).toMatchObject({
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(left)),
        ...{ authorization: 'Bearer mine', 'x-request-id': 'id-1', 'x-custom': 'a, b' },
      });
      expect(Object.keys(forged).filter((name) => name in received)).toEqual([]);
      expect(Object.keys(received).filter((name) => name.startsWith(':'))).toEqual([]);
    }
  },
  TEST_TIMEOUT_MS,
);
