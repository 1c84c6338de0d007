import { describe, expect, test } from 'vitest';
import { concurrent, makeContext, makeRequest, sequential } from './connector.testing.ts';
import { mooncake } from './mooncake.ts';
import { offloading } from './offloading.ts';
import { sglang } from './sglang.ts';
import { sharedStorage } from './shared-storage.ts';

const parsed = (body: Buffer | string | undefined): unknown => JSON.parse(String(body));
const client = { model: 'm', max_tokens: 50, stream: true };

describe('sglang', () => {
  test('both halves are the same request with the same room', () => {
    const { prefill, decode } = concurrent(sglang, makeRequest(client));
    expect(prefill).toBe(decode);
    expect(parsed(prefill)).toMatchObject({
      ...client,
      bootstrap_host: '10.0.0.1',
      bootstrap_port: 8998,
    });
  });

  test('a room is a whole number of nanoseconds, digit for digit, and a little chance', () => {
    const { prefill } = concurrent(sglang, makeRequest(client));
    const [, room = ''] = /"bootstrap_room":(\d+)/.exec(prefill) ?? [];
    const epoch = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
    expect(BigInt(room) - epoch).toBeGreaterThanOrEqual(0n);
    expect(BigInt(room) - epoch).toBeLessThan(1000n);
    expect(BigInt(room)).toBeLessThan(2n ** 63n);
  });

  test('an IPv6 prefiller is named without brackets', () => {
    const target = { host: 'fd00::1', port: 8000, hostPort: '[fd00::1]:8000' };
    const { prefill } = concurrent(sglang, makeRequest(client), makeContext({ target }));
    expect(parsed(prefill)).toMatchObject({ bootstrap_host: 'fd00::1' });
  });
});

describe('mooncake', () => {
  const engine = { rank: '3', engineId: 'engine-3' };
  test('the decode server is told the transfer, the bootstrap server and the engine', () => {
    const { prefill, decode, plan } = concurrent(
      mooncake,
      makeRequest(client),
      makeContext({ engine }),
    );
    expect(parsed(prefill)).toMatchObject({
      max_tokens: 1,
      stream: false,
      kv_transfer_params: {
        do_remote_prefill: false,
        do_remote_decode: true,
        transfer_id: 'xfer-id-1',
      },
    });
    expect(parsed(decode)).toEqual({
      ...client,
      kv_transfer_params: {
        do_remote_prefill: true,
        do_remote_decode: false,
        transfer_id: 'xfer-id-1',
        remote_bootstrap_addr: 'http://10.0.0.1:8998',
        remote_engine_id: 'engine-3',
      },
    });
    expect(plan.prefill.sets).toEqual([['x-data-parallel-rank', '3']]);
  });
});

describe('offloading', () => {
  test('the decode server pulls what the prefiller keeps, from the rank that keeps it', () => {
    const target = { host: '10.0.0.1', port: 8002, hostPort: '10.0.0.1:8002' };
    const plan = sequential(offloading, makeRequest(client), makeContext({ target }));
    expect(parsed(plan.prefill.body)).toMatchObject({
      max_tokens: 1,
      stream: false,
      kv_transfer_params: { remote_decoder: { kv_request_id: 'id-1' } },
    });
    expect(parsed(plan.decode(Buffer.alloc(0))?.body)).toEqual({
      ...client,
      kv_transfer_params: {
        remote_prefiller: { kv_request_id: 'id-1', remote_host: '10.0.0.1', remote_port: 7779 },
      },
    });
  });

  test.each([
    [8000, 7777],
    [8003, 7780],
    [8004, 7777],
    [7999, 7777],
  ])('port %i stands for the peer port %i', (port, expected) => {
    const target = { host: 'a', port, hostPort: `a:${port}` };
    const plan = sequential(offloading, makeRequest({}), makeContext({ target }));
    expect(parsed(plan.decode(Buffer.alloc(0))?.body)).toMatchObject({
      kv_transfer_params: { remote_prefiller: { remote_port: expected } },
    });
  });

  test('the prefiller pulls from a peer that holds the prefix', () => {
    const kvCacheSource = { host: '10.0.0.9', port: 8000, hostPort: '10.0.0.9:8000' };
    const plan = sequential(offloading, makeRequest({}), makeContext({ kvCacheSource }));
    expect(parsed(plan.prefill.body)).toMatchObject({
      kv_transfer_params: {
        remote_decoder: { kv_request_id: 'id-1' },
        remote_kv_source: { kv_request_id: 'id-2', remote_host: '10.0.0.9', remote_port: 7777 },
      },
    });
  });
});

describe('shared storage', () => {
  test('without a threshold the prefiller is asked at once and the decode server gets the client’s bytes', () => {
    const request = makeRequest(client);
    expect(sharedStorage.probe(request)).toBeUndefined();
    const plan = sequential(sharedStorage, request);
    expect(parsed(plan.prefill.body)).toMatchObject({ max_tokens: 1, cache_hit_threshold: 0 });
    expect(plan.decode(Buffer.alloc(0))?.body).toBe(request.body.bytes);
  });

  test('with one the decode server is asked first, and takes everything in the end', () => {
    const request = makeRequest({ ...client, cache_hit_threshold: 0.8 });
    expect(sharedStorage.probe(request)?.body).toBe(request.body.bytes);
    const plan = sequential(sharedStorage, request);
    const decided = { ...client, cache_hit_threshold: 0 };
    expect(parsed(plan.prefill.body)).toMatchObject({ max_tokens: 1, cache_hit_threshold: 0 });
    expect(parsed(plan.decode(Buffer.alloc(0))?.body)).toEqual(decided);
    expect(parsed(sharedStorage.alone(request, makeContext()).body)).toEqual(decided);
  });
});
