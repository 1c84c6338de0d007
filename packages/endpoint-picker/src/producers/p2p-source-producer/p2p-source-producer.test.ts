import { prefixMatches, type Endpoint, type ProfileOutcome } from '@llm-d/scheduler-core';
import { makeCycle, makeEndpoint, makePrefixMatches } from '@llm-d/scheduler-core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instantiate } from '../producing.testing.ts';
import { fnv32a } from './fnv32a.ts';
import { KV_CACHE_SOURCE_HEADER, p2pSourceProducer } from './p2p-source-producer.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const c = makeEndpoint('c');
interface Asked {
  readonly parameters?: object;
  readonly blocks?: Readonly<Record<string, number>>;
  readonly candidates?: readonly Endpoint[];
  readonly requestId?: string;
  readonly primary?: Endpoint;
  readonly prefill?: Endpoint;
}

/** The header that a request is sent with, whatever came with it. */
async function sourceOf(asked: Asked): Promise<string | undefined> {
  const { parameters = {}, blocks, candidates = [a, b, c], requestId = 'r', primary = a } = asked;
  const plugin = instantiate(p2pSourceProducer, { parameters });
  const cycle = makeCycle({ request: { id: requestId } });
  if (blocks !== undefined) {
    const matches = makePrefixMatches(blocks, { totalBlocks: 100 });
    cycle.attributes.set(prefixMatches(), matches);
  }
  const { attributes } = cycle;
  await plugin.producer?.produce(cycle, candidates, {
    attributes,
    signal: AbortSignal.timeout(1000),
  });
  const headers = new Map([[KV_CACHE_SOURCE_HEADER, 'from-the-client:1']]);
  const outcomes = new Map(
    asked.prefill ? [['prefill', { picked: [asked.prefill] } as unknown as ProfileOutcome]] : [],
  );
  const result = { kind: 'scheduled', primary: 'default', endpoints: [primary], outcomes } as const;
  plugin.preRequest?.preRequest(cycle, result, headers);
  return headers.get(KV_CACHE_SOURCE_HEADER);
}

describe('the endpoint to pull from', () => {
  test('is the one with the longest prefix, where the computing one has less', async () => {
    expect(await sourceOf({ blocks: { a: 2, b: 9, c: 3 } })).toBe(b.hostPort);
  });

  test.each([
    ['the computing endpoint has the most itself', { blocks: { a: 9, b: 2 } }],
    ['nobody has anything', { blocks: {} }],
    ['nothing is known', {}],
    [
      'the difference is not worth it',
      { blocks: { b: 4 }, parameters: { minCachedTokenDelta: 65 } },
    ],
  ])('is not named, and the client’s word is dropped, where %s', async (_, asked) => {
    expect(await sourceOf(asked)).toBeUndefined();
  });

  test('is named for a difference that is just enough', async () => {
    const parameters = { minCachedTokenDelta: 64 };
    expect(await sourceOf({ blocks: { b: 4 }, parameters })).toBe(b.hostPort);
  });

  test('is compared with the prefiller where there is one', async () => {
    const asked = { blocks: { a: 0, b: 9 }, primary: a };
    expect(await sourceOf({ ...asked, prefill: b })).toBeUndefined();
    expect(await sourceOf({ ...asked, prefill: c })).toBe(b.hostPort);
    const parameters = { prefillProfileName: 'p' };
    expect(await sourceOf({ ...asked, prefill: b, parameters })).toBe(b.hostPort);
  });

  test('is drawn among those within a block of the longest, the busy ones less often', async () => {
    const busy = { ...b, metrics: { ...b.metrics, waitingRequests: 3 } };
    const counts: Record<string, number> = {};
    for (let i = 0; i < 1000; i++) {
      const candidates = [a, busy, c];
      const source = await sourceOf({ blocks: { b: 10, c: 9 }, candidates, requestId: `r${i}` });
      counts[source ?? ''] = (counts[source ?? ''] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual([b.hostPort, c.hostPort]);
    expect(counts[c.hostPort]).toBeGreaterThan(600);
    expect(counts[b.hostPort]).toBeGreaterThan(120);
  });

  test('is the same for the same request, and never the computing one', async () => {
    const blocks = fc.record({ a: fc.nat(5), b: fc.nat(5), c: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(blocks, fc.string(), async (held, requestId) => {
        const source = await sourceOf({ blocks: held, requestId });
        expect(await sourceOf({ blocks: held, requestId })).toBe(source);
        expect(source).not.toBe(a.hostPort);
      }),
    );
  });
});

test.each([
  ['10.0.0.1:8000', 1_207_617_965],
  ['10.0.0.2:8000', 2_693_259_138],
  ['pod-1', 589_335_750],
])('FNV-1a of %s is %d', (text, hash) => {
  expect(fnv32a(text)).toBe(hash);
});
