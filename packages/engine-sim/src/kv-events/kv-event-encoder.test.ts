import { createKvEventDecoder } from '@llm-d/kv-index';
import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ExtraKey, KvEvent, KvStoredEvent } from './kv-event.ts';
import {
  createKvEventEncoder,
  encodeKvEventBatch,
  type KvEventBatch,
  type KvEventEncoding,
} from './kv-event-encoder.ts';

const testdata = new URL('../../testdata/', import.meta.url);
const bare = { parent: null, medium: 'GPU', loraId: null, loraName: null } as const;

describe('vLLM writes the same bytes', () => {
  test('for positional events of the version that added groups', () => {
    const event: KvEvent = {
      ...{ ...bare, kind: 'stored', hashes: Uint32Array.of(5, 0x80000000) },
      ...{ tokens: Uint32Array.of(1, 2), blockSizeTokens: 2, extraKeys: null, groupIndex: null },
    };
    const bytes = encodeKvEventBatch(
      { timestampSeconds: 1.5, events: [event], dataParallelRank: null },
      { form: 'array', hashes: 'int' },
    );
    expect(bytes.toString('hex')).toBe(
      '93cb3ff8000000000000919aab426c6f636b53746f72656491cf8000000000000005c092010202c0a3475055c0c0c0c0',
    );
  });

  test('for map events with hashes of 32 bytes, and a clear', () => {
    const event: KvEvent = {
      ...{ ...bare, kind: 'stored', hashes: Uint32Array.of(0x01010101, 0x01010101) },
      ...{ tokens: Uint32Array.of(1, 2), blockSizeTokens: 2, extraKeys: [null], groupIndex: 0 },
    };
    const bytes = encodeKvEventBatch(
      { timestampSeconds: 1.5, events: [event, { kind: 'cleared' }], dataParallelRank: 0 },
      { form: 'map', hashes: 'bytes' },
    );
    expect(bytes.toString('hex')).toBe(
      '93cb3ff8000000000000928aa474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391c4200101010101010101010101010101010101010101010101010101010101010101b1706172656e745f626c6f636b5f68617368c0a9746f6b656e5f696473920102aa626c6f636b5f73697a6502a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c0aa65787472615f6b65797391c0a967726f75705f6964780081a474797065b0416c6c426c6f636b73436c656172656400',
    );
  });

  test('for map events with small hashes, and a removal', () => {
    const hashes = Uint32Array.of(7, 0);
    const stored: KvEvent = {
      ...{ ...bare, kind: 'stored', hashes, tokens: Uint32Array.of(1, 2, 3, 4) },
      ...{ blockSizeTokens: 4, extraKeys: [null], groupIndex: 0, specKind: 'full_attention' },
    };
    const removed: KvEvent = { kind: 'removed', hashes, medium: 'GPU', groupIndex: 0 };
    const bytes = encodeKvEventBatch(
      { timestampSeconds: 1.5, events: [stored, removed], dataParallelRank: 1 },
      { form: 'map', hashes: 'int' },
    );
    expect(bytes.toString('hex')).toBe(
      '93cb3ff8000000000000928ba474797065ab426c6f636b53746f726564ac626c6f636b5f6861736865739107b1706172656e745f626c6f636b5f68617368c0a9746f6b656e5f6964739401020304aa626c6f636b5f73697a6504a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c0aa65787472615f6b65797391c0a967726f75705f69647800b26b765f63616368655f737065635f6b696e64ae66756c6c5f617474656e74696f6e84a474797065ac426c6f636b52656d6f766564ac626c6f636b5f6861736865739107a66d656469756da3475055a967726f75705f6964780001',
    );
  });

  const captures = readdirSync(testdata).filter((file) => file.endsWith('.jsonl'));

  test.each(captures)('for everything in %s', (file) => {
    const lines = readFileSync(new URL(file, testdata), 'utf8').trim().split('\n');
    const encoder = createKvEventEncoder({
      form: file.includes('0.19') ? 'array' : 'map',
      hashes: 'int',
    });
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const { payload, batch } = JSON.parse(line) as { payload: string; batch: CapturedBatch };
      expect(encoder.encode(fromCapture(batch)).toString('base64')).toBe(payload);
    }
  });
});

type Integer = number | { readonly $int: string };
type CapturedBatch = readonly [number, readonly unknown[], number];

function halves(hash: Integer): [number, number] {
  const value = BigInt(typeof hash === 'number' ? hash : hash.$int);
  return [Number(value & 0xffffffffn), Number(value >> 32n)];
}

function fromCapture([timestampSeconds, events, dataParallelRank]: CapturedBatch): KvEventBatch {
  const names = [
    ...['type', 'block_hashes', 'parent_block_hash', 'token_ids', 'block_size', 'lora_id'],
    ...['medium', 'lora_name', 'extra_keys'],
  ];
  const removedNames = ['type', 'block_hashes', 'medium'];
  return {
    timestampSeconds,
    dataParallelRank,
    events: events.map((event) => {
      if (!Array.isArray(event)) return fromFields(event as Record<string, unknown>);
      const fields = event[0] === 'BlockStored' ? names : removedNames;
      return fromFields(Object.fromEntries(event.map((value, i) => [fields[i] ?? '', value])));
    }),
  };
}

function fromFields(fields: Record<string, unknown>): KvEvent {
  if (fields['type'] === 'AllBlocksCleared') return { kind: 'cleared' };
  const hashes = Uint32Array.from((fields['block_hashes'] as Integer[]).flatMap(halves));
  const medium = fields['medium'] as string;
  const groupIndex = fields['group_idx'] as number | undefined;
  if (fields['type'] === 'BlockRemoved') return { kind: 'removed', hashes, medium, groupIndex };
  const parent = fields['parent_block_hash'] as Integer | null;
  return {
    kind: 'stored',
    hashes,
    parent: parent === null ? null : halves(parent),
    tokens: Uint32Array.from(fields['token_ids'] as number[]),
    blockSizeTokens: fields['block_size'] as number,
    medium,
    loraId: fields['lora_id'] as number | null,
    loraName: fields['lora_name'] as string | null,
    extraKeys: fields['extra_keys'] as (ExtraKey[] | null)[] | undefined,
    groupIndex,
    specKind: fields['kv_cache_spec_kind'] as string | undefined,
    sessionId: fields['session_id'] as string | undefined,
  };
}

const word = fc.integer({ min: 0, max: 0xffffffff });
const shortWord = fc.oneof(fc.nat(300), word);
const pair = fc.tuple(shortWord, fc.oneof(fc.constant(0), fc.constant(0xffffffff), word));
const extraKey: fc.Arbitrary<ExtraKey> = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.tuple(fc.string({ minLength: 1 }), fc.integer({ min: -70_000, max: 70_000 })),
);
const stored: fc.Arbitrary<KvStoredEvent> = fc
  .record({
    blocks: fc.array(pair, { minLength: 1, maxLength: 150 }),
    parent: fc.option(pair.filter(([low, high]) => low !== 0 || high !== 0)),
    token: shortWord,
    medium: fc.constantFrom('GPU', 'CPU'),
    loraName: fc.option(fc.string({ maxLength: 300 })),
    extras: fc.array(fc.option(fc.array(extraKey, { minLength: 1, maxLength: 3 })), {
      minLength: 150,
      maxLength: 150,
    }),
  })
  .map(({ blocks, token, extras, ...event }) => ({
    ...event,
    kind: 'stored',
    hashes: Uint32Array.from(blocks.flat()),
    tokens: Uint32Array.from({ length: 2 * blocks.length }, (_, i) => (token + i) >>> 0),
    blockSizeTokens: 2,
    loraId: null,
    extraKeys: extras.slice(0, blocks.length),
    groupIndex: 0,
    specKind: 'full_attention',
    slidingWindowTokens: null,
  }));
const removed: fc.Arbitrary<KvEvent> = fc
  .tuple(fc.array(pair, { minLength: 1, maxLength: 150 }), fc.constantFrom('GPU', 'CPU'))
  .map(([blocks, medium]) => ({
    kind: 'removed',
    hashes: Uint32Array.from(blocks.flat()),
    medium,
    groupIndex: 0,
  }));
const events = fc.array(fc.oneof(stored, removed, fc.constant<KvEvent>({ kind: 'cleared' })), {
  maxLength: 6,
});

/** What the index package reads, flattened so that the cut into events does not matter. */
function readBack(payload: Uint8Array) {
  const result = createKvEventDecoder().decode(payload);
  if (!result.ok) throw result.error;
  const { batch } = result;
  expect(batch.problems).toEqual([]);
  const blocks = batch.events.flatMap((event) => {
    if (event.type === 'cleared') return ['cleared'];
    return Array.from({ length: event.hashEnd - event.hashStart }, (_, i) => {
      const at = 2 * (event.hashStart + i);
      const hash = [...batch.hashes.subarray(at, at + 2)].join();
      if (event.type === 'removed') return `removed ${hash} ${event.medium ?? ''}`;
      const token = event.tokenStart + 2 * i;
      const parent = event.hasParent ? `${event.parentLow},${event.parentHigh}` : 'none';
      const before = i === 0 ? parent : [...batch.hashes.subarray(at - 2, at)].join();
      return `stored ${hash} after ${before} ${[...batch.tokens.subarray(token, token + 2)].join()} ${event.medium ?? ''} ${event.loraName ?? ''}`;
    });
  });
  return { blocks, events: batch.events, rank: batch.dataParallelRank };
}

function blocksOf(all: readonly KvEvent[], sglang: boolean): string[] {
  const medium = (name: string) => (sglang && name === 'CPU' ? 'CPU_PINNED' : name);
  return all.flatMap((event) => {
    if (event.kind === 'cleared') return ['cleared'];
    const hash = (i: number) => event.hashes.slice(2 * i, 2 * i + 2).join();
    return Array.from({ length: event.hashes.length / 2 }, (_, i) => {
      if (event.kind === 'removed') return `removed ${hash(i)} ${medium(event.medium)}`;
      const parent = event.parent?.join() ?? 'none';
      const lora = sglang ? '' : (event.loraName ?? '');
      return `stored ${hash(i)} after ${i === 0 ? parent : hash(i - 1)} ${[...event.tokens.subarray(2 * i, 2 * i + 2)].join()} ${medium(event.medium)} ${lora}`;
    });
  });
}

describe('a decoder reads what was encoded', () => {
  const encodings: KvEventEncoding[] = (['array', 'map'] as const).flatMap((form) => [
    { form, hashes: 'int' },
    { form, hashes: 'bytes' },
    { form, hashes: 'int', dialect: 'sglang' },
  ]);

  test.each(encodings)('in %j', (encoding) => {
    const encoder = createKvEventEncoder(encoding);
    const isSglang = encoding.dialect === 'sglang';
    fc.assert(
      fc.property(events, fc.option(fc.nat(9)), (all, dataParallelRank) => {
        const payload = encoder.encode({ timestampSeconds: 1, events: all, dataParallelRank });
        const read = readBack(payload);
        expect(read.blocks).toEqual(blocksOf(all, isSglang));
        expect(read.rank).toBe(dataParallelRank);
        if (isSglang) {
          for (const event of read.events) {
            if (event.type !== 'cleared') {
              expect(event.hashEnd - event.hashStart).toBeLessThanOrEqual(64);
            }
          }
        } else expect(read.events).toHaveLength(all.length);
      }),
      { numRuns: 60 },
    );
  });

  test('with the extra keys that count for its content', () => {
    const event: KvStoredEvent = {
      ...{ ...bare, kind: 'stored', hashes: Uint32Array.of(1, 0, 2, 0), blockSizeTokens: 1 },
      ...{ tokens: Uint32Array.of(8, 9), extraKeys: [['salt', ['cat', -3]], null] },
    };
    for (const form of ['array', 'map'] as const) {
      const payload = encodeKvEventBatch(
        { timestampSeconds: 1, events: [event], dataParallelRank: 0 },
        { form, hashes: 'int' },
      );
      expect(readBack(payload).events).toMatchObject([{ extraKeys: [['salt', 'cat'], null] }]);
    }
  });
});

test('SGLang has signed hashes, salts and sessions, and neither groups nor extra keys', () => {
  const event: KvStoredEvent = {
    ...{ ...bare, kind: 'stored', hashes: Uint32Array.of(0xffffffff, 0xffffffff) },
    ...{ tokens: Uint32Array.of(1), blockSizeTokens: 1, extraKeys: [['s']], groupIndex: 0 },
    ...{ cacheSalt: 's', sessionId: 'x' },
  };
  const batch = { timestampSeconds: 1.5, events: [event], dataParallelRank: null };
  const hex = (form: 'array' | 'map') =>
    encodeKvEventBatch(batch, { form, hashes: 'int', dialect: 'sglang' }).toString('hex');
  expect(hex('array')).toBe(
    '93cb3ff80000000000009197ab426c6f636b53746f72656491ffc0910101c0a3475055c0',
  );
  const map = hex('map');
  for (const name of ['cache_salt', 'session_id']) {
    expect(map).toContain(Buffer.from(name).toString('hex'));
  }
  for (const name of ['group_idx', 'extra_keys', 'lora_name']) {
    expect(map).not.toContain(Buffer.from(name).toString('hex'));
  }
});
