import { ExtData, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { KvEventBatch } from './kv-event-batch.ts';
import { KvEventDamageError } from './kv-event-decode-error.ts';
import { createKvEventDecoder } from './kv-event-decoder.ts';

const pack = (value: unknown): Uint8Array => encode(value, { useBigInt64: true });
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

function decoded(payload: Uint8Array, decoder = createKvEventDecoder()): KvEventBatch {
  const result = decoder.decode(payload);
  if (!result.ok) throw result.error;
  return result.batch;
}

function failure(payload: Uint8Array) {
  const result = createKvEventDecoder().decode(payload);
  if (result.ok) throw new Error('it was decoded');
  return result.error;
}

const joined = (low: number, high: number) => (BigInt(high) << 32n) | BigInt(low);

/** What a batch says, in plain values. */
function plain(batch: KvEventBatch) {
  const hash = (i: number) => joined(batch.hashes[2 * i] ?? 0, batch.hashes[2 * i + 1] ?? 0);
  const hashes = (start: number, end: number) =>
    Array.from({ length: end - start }, (_, i) => hash(start + i));
  return batch.events.map((event) => {
    if (event.type === 'cleared') return { type: event.type };
    const { hashStart, hashEnd, ...common } = event;
    const blocks = hashes(hashStart, hashEnd);
    if (common.type === 'removed') return { ...common, hashes: blocks };
    const { hasParent, parentLow, parentHigh, tokenStart, tokenEnd, ...rest } = common;
    const parent = hasParent ? joined(parentLow, parentHigh) : null;
    const tokens = [...batch.tokens.subarray(tokenStart, tokenEnd)];
    return { ...rest, hashes: blocks, parent, tokens };
  });
}

const storedFields = {
  type: 'stored',
  hashes: [7n],
  parent: null,
  tokens: [1, 2],
  blockSizeTokens: 2,
  medium: 'GPU',
  loraName: null,
  extraKeys: null,
  groupIndex: null,
  specKind: null,
  slidingWindowTokens: null,
};

describe('known payloads', () => {
  test('positional events with a 64-bit hash', () => {
    const batch = decoded(
      hex(
        '93cb3ff8000000000000919aab426c6f636b53746f72656491cf8000000000000005c092010202c0a3475055c0c0c0c0',
      ),
    );
    expect(batch).toMatchObject({ timestampSeconds: 1.5, dataParallelRank: null, problems: [] });
    expect(plain(batch)).toEqual([{ ...storedFields, hashes: [9223372036854775813n] }]);
  });

  test('map events with a hash of 32 bytes, and a clear', () => {
    const batch = decoded(
      hex(
        '93cb3ff8000000000000928aa474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391c4200101010101010101010101010101010101010101010101010101010101010101b1706172656e745f626c6f636b5f68617368c0a9746f6b656e5f696473920102aa626c6f636b5f73697a6502a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c0aa65787472615f6b65797391c0a967726f75705f6964780081a474797065b0416c6c426c6f636b73436c656172656400',
      ),
    );
    expect(batch.dataParallelRank).toBe(0);
    expect(plain(batch)).toEqual([
      { ...storedFields, hashes: [0x0101010101010101n], groupIndex: 0 },
      { type: 'cleared' },
    ]);
  });

  test('map events with an attention kind, and a removal', () => {
    const batch = decoded(
      hex(
        '93cb3ff8000000000000928ba474797065ab426c6f636b53746f726564ac626c6f636b5f6861736865739107b1706172656e745f626c6f636b5f68617368c0a9746f6b656e5f6964739401020304aa626c6f636b5f73697a6504a76c6f72615f6964c0a66d656469756da3475055a96c6f72615f6e616d65c0aa65787472615f6b65797391c0a967726f75705f69647800b26b765f63616368655f737065635f6b696e64ae66756c6c5f617474656e74696f6e84a474797065ac426c6f636b52656d6f766564ac626c6f636b5f6861736865739107a66d656469756da3475055a967726f75705f6964780001',
      ),
    );
    expect(batch.dataParallelRank).toBe(1);
    expect(plain(batch)).toEqual([
      {
        ...storedFields,
        ...{ tokens: [1, 2, 3, 4], blockSizeTokens: 4, groupIndex: 0, specKind: 'full_attention' },
      },
      { type: 'removed', hashes: [7n], medium: 'GPU', groupIndex: 0 },
    ]);
  });
});

const testdata = new URL('../testdata/', import.meta.url);
const captures = readdirSync(testdata).filter((name) => name.endsWith('.jsonl'));

test('there are captures', () => {
  expect(captures).toHaveLength(7);
});

test.each(captures)('%s is decoded as its other reader decoded it', (name) => {
  const decoder = createKvEventDecoder();
  const lines = readFileSync(new URL(name, testdata), 'utf8').trimEnd().split('\n').slice(1);
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    // The file is ours: its lines have this form.
    const { payload, batch } = JSON.parse(line) as { payload: string; batch: CapturedBatch };
    const read = decoded(Buffer.from(payload, 'base64'), decoder);
    expect(read.problems).toEqual([]);
    expect([read.timestampSeconds, read.dataParallelRank]).toEqual([batch[0], batch[2]]);
    expect(plain(read)).toEqual(batch[1].map(fromCapture));
  }
});

type Hash = number | { $int: string } | { $hex: string };
type CapturedEvent = Record<string, unknown> | unknown[];
type CapturedBatch = [number, CapturedEvent[], number];
const POSITIONS = ['type', 'block_hashes', 'parent_block_hash', 'token_ids', 'block_size'];
const LATER_POSITIONS = ['lora_id', 'medium', 'lora_name', 'extra_keys'];

function fromCapture(event: CapturedEvent): unknown {
  const named = Array.isArray(event) ? byName(event) : event;
  const hashes = () => (named['block_hashes'] as Hash[]).map(bigHash);
  if (named['type'] === 'AllBlocksCleared') return { type: 'cleared' };
  const common = { medium: named['medium'], groupIndex: named['group_idx'] ?? null };
  if (named['type'] === 'BlockRemoved') return { type: 'removed', hashes: hashes(), ...common };
  const parent = named['parent_block_hash'] as Hash | null;
  const extras = (named['extra_keys'] as (string[] | null)[] | undefined) ?? [];
  return {
    ...common,
    type: 'stored',
    hashes: hashes(),
    parent: parent === null ? null : bigHash(parent),
    tokens: named['token_ids'],
    blockSizeTokens: named['block_size'],
    loraName: named['lora_name'],
    extraKeys: extras.some((list) => list !== null) ? extras : null,
    specKind: named['kv_cache_spec_kind'] ?? null,
    slidingWindowTokens: named['kv_cache_spec_sliding_window'] ?? null,
  };
}

function byName(event: unknown[]): Record<string, unknown> {
  const names =
    event[0] === 'BlockStored'
      ? [...POSITIONS, ...LATER_POSITIONS]
      : ['type', 'block_hashes', 'medium', 'group_idx'];
  return Object.fromEntries(names.map((name, i) => [name, event[i] ?? null]));
}

function bigHash(hash: Hash): bigint {
  if (typeof hash === 'number') return BigInt(hash);
  return '$int' in hash ? BigInt(hash.$int) : BigInt(`0x${hash.$hex.slice(-16)}`);
}

const stored = (...tail: unknown[]) => [1.5, [['BlockStored', [7n], null, [1, 2], 2, ...tail]], 0];
const tailOf = (...tail: unknown[]) => plain(decoded(pack(stored(null, 'GPU', null, ...tail))))[0];

describe('shapes of events', () => {
  test.each([
    ['the oldest, of five elements', [], { medium: null }],
    [
      'group, kind and window',
      [null, 'GPU', null, null, 1, 'sliding_window', 512],
      { groupIndex: 1, specKind: 'sliding_window', slidingWindowTokens: 512 },
    ],
    [
      'a list of media before the group',
      [null, 'GPU', null, null, [{ a: 1 }], 1, 'sliding_window', 512],
      { groupIndex: 1, specKind: 'sliding_window', slidingWindowTokens: 512 },
    ],
    [
      'nil for the group',
      [null, 'GPU', null, null, null, 'full_attention', null],
      { specKind: 'full_attention' },
    ],
    [
      'nil for group and kind',
      [null, 'GPU', null, null, null, null, 512],
      { slidingWindowTokens: 512 },
    ],
    [
      'an integer appended by a fork',
      [null, 'GPU', null, null, 1, 'full_attention', null, 64],
      { groupIndex: 1, specKind: 'full_attention' },
    ],
    [
      'values of any type appended',
      [
        null,
        'GPU',
        null,
        null,
        null,
        null,
        null,
        { x: [1, new ExtData(5, new Uint8Array(3))] },
        true,
        1.5,
      ],
      {},
    ],
  ])('a positional event with %s', (_, tail, expected) => {
    expect(plain(decoded(pack(stored(...tail))))[0]).toEqual({ ...storedFields, ...expected });
  });

  test('a batch that is a map, with fields in any order and unknown ones', () => {
    const event = {
      extra: { deep: [[]] },
      block_hashes: [1],
      locality: 'LOCAL',
      type: 'BlockRemoved',
    };
    const batch = decoded(pack({ data_parallel_rank: 3, new: 1, events: [event], ts: 2 }));
    expect(batch).toMatchObject({ timestampSeconds: 2, dataParallelRank: 3, problems: [] });
    expect(plain(batch)).toEqual([
      { type: 'removed', hashes: [1n], medium: null, groupIndex: null },
    ]);
  });

  test('a batch without a rank', () => {
    expect(decoded(pack([1, []]))).toMatchObject({ dataParallelRank: null, events: [] });
  });

  test('events wrapped in binaries, as the storage backend sends them', () => {
    const events = [
      pack(['BlockStored', [5], 0, [], 0, null, 'SHARED_STORAGE']),
      pack(['BlockRemoved', [5], 'SHARED_STORAGE']),
    ];
    expect(plain(decoded(pack([1, events])))).toEqual([
      { ...storedFields, hashes: [5n], tokens: [], blockSizeTokens: 0, medium: 'SHARED_STORAGE' },
      { type: 'removed', hashes: [5n], medium: 'SHARED_STORAGE', groupIndex: null },
    ]);
  });

  test.each([
    [-1n, 0xffffffffffffffffn],
    [-(2n ** 63n), 2n ** 63n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [-5, 0xfffffffffffffffbn],
    [-200, 2n ** 64n - 200n],
    [-70_000, 2n ** 64n - 70_000n],
    [Uint8Array.of(1), 1n],
    [Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8), 0x0102030405060708n],
  ])('a hash of %s is %s', (hash, expected) => {
    const batch = decoded(pack([1, [['BlockRemoved', [hash]]]]));
    expect(joined(batch.hashes[0] ?? 0, batch.hashes[1] ?? 0)).toBe(expected);
  });

  test('extra keys: strings and what pairs identify count, other values do not', () => {
    const keys = [
      'a',
      ['b', 3],
      ['mm', 'c', 0],
      ['cache_salt', 'd'],
      ['lora', 'e', '/p'],
      [],
      [1],
      Uint8Array.of(1),
      { x: 1 },
    ];
    expect(tailOf([null, keys])).toMatchObject({ extraKeys: [null, ['a', 'b', 'c', 'd']] });
    expect(tailOf([null, [1]])).toMatchObject({ extraKeys: null });
  });
});

describe('events that make no sense are left out, and the others stay', () => {
  const good = { type: 'BlockRemoved', block_hashes: [1] };
  test.each([
    ['an unknown type', { type: 'Exotic' }, 'an event of a known type instead of "Exotic"'],
    ['no hashes', { type: 'BlockRemoved' }, 'expected BlockRemoved with "block_hashes"'],
    ['no tokens', { type: 'BlockStored', block_hashes: [1], block_size: 1 }, '"token_ids"'],
    ['no block size', { type: 'BlockStored', block_hashes: [1], token_ids: [1] }, '"block_size"'],
    ['a hash of text', ['BlockRemoved', [1, 'x']], 'expected a block hash (integer or bytes)'],
    ['an empty hash', ['BlockRemoved', [new Uint8Array(0)]], 'expected a block hash'],
    ['a negative token', ['BlockStored', [1], null, [-1], 1], 'found the integer -1'],
    ['too large a token', ['BlockStored', [1], null, [2n ** 32n], 1], 'expected a token id'],
    ['too few elements', ['BlockStored', [1]], 'a BlockStored of at least 5 elements'],
    ['a number for an event', 5, 'expected an event (array or map)'],
    ['an array without a type', [], 'the type of an event'],
  ])('%s', (_, bad, message) => {
    const batch = decoded(pack([1, [good, bad, good], 2]));
    expect(batch.dataParallelRank).toBe(2);
    expect(batch.events).toHaveLength(2);
    expect(plain(batch).at(-1)).toMatchObject({ hashes: [1n] });
    expect(batch.problems).toMatchObject([{ event: 1 }]);
    expect(batch.problems[0]?.message).toContain(message);
  });
});

describe('damage', () => {
  test.each([
    ['an empty payload', '', 'expected a value at byte 0, found the end'],
    ['the unused byte', 'c1', 'expected a value at byte 0, found the unused byte 0xc1'],
    ['text', 'a161', 'expected a batch (array or map) at byte 0, found string (0xa1)'],
    ['an array that promises too much', 'ddffffffff', 'elements at byte 0, found the end before'],
    ['no timestamp', '92a17890', 'expected the timestamp of the batch at byte 1'],
    ['bytes after the batch', '92019001', 'expected the end of the batch at byte 3'],
    ['a batch of one element', '9101', 'expected a batch of a timestamp and events'],
    ['a map without events', '81a2747301', 'expected a batch with "events"'],
  ])('%s is an error that says where', (_, bytes, message) => {
    expect(failure(hex(bytes)).message).toContain(message);
    expect(failure(hex(bytes)).code).toBe('KV_EVENT_DECODE');
  });

  test('a payload cut anywhere is damaged, and the next one is read as if nothing had been', () => {
    const whole = pack([
      1.5,
      [
        {
          type: 'BlockStored',
          block_hashes: [2n ** 60n],
          parent_block_hash: null,
          token_ids: [1, 300, 70_000],
          block_size: 3,
        },
      ],
      1,
    ]);
    const decoder = createKvEventDecoder();
    for (let length = 0; length < whole.length; length++) {
      const result = decoder.decode(whole.subarray(0, length));
      expect(result.ok ? undefined : result.error).toBeInstanceOf(KvEventDamageError);
      expect(plain(decoded(whole, decoder))).toMatchObject([
        { hashes: [2n ** 60n], tokens: [1, 300, 70_000] },
      ]);
    }
  });

  test('any bytes give a batch or an error, never an exception', () => {
    const decoder = createKvEventDecoder();
    const whole = pack(stored(null, 'GPU', null, [['a']], 0, 'full_attention'));
    const flipped = fc
      .tuple(fc.nat(whole.length - 1), fc.nat(255))
      .map(([at, byte]) => whole.with(at, byte));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), flipped), (bytes) => {
        const result = decoder.decode(bytes);
        if (!result.ok) expect(result.error.offset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('deep nesting is skipped without recursion', () => {
    const deep = new Uint8Array(200_002).fill(0x91);
    deep.set([0x93, 0x01, 0x90], 0);
    deep[deep.length - 1] = 0xc0;
    expect(failure(deep).message).toContain('a data parallel rank');
    const ignored = Buffer.concat([Uint8Array.of(0x94, 0x01, 0x90, 0xc0), deep.subarray(3)]);
    expect(decoded(ignored).events).toEqual([]);
  });
});

describe('whatever an engine encodes comes back', () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const hash = fc.oneof(u64, fc.constantFrom(0n, 127n, 128n, 2n ** 32n));
  const text = fc.string({ unit: 'grapheme', maxLength: 120 });
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary);
  const small = fc.nat(70_000);
  const storedEvent = fc.record({
    type: fc.constant('stored' as const),
    hashes: fc.array(hash, { maxLength: 40 }),
    parent: optional(hash.filter((value) => value !== 0n)),
    tokens: fc.array(fc.oneof(small, fc.nat(0xffffffff)), { maxLength: 80 }),
    blockSizeTokens: small,
    medium: optional(text),
    loraName: optional(text),
    extraKeys: fc.constant(null),
    groupIndex: optional(small),
    specKind: optional(text),
    slidingWindowTokens: fc.constant(null),
  });
  const removedEvent = fc.record({
    type: fc.constant('removed' as const),
    hashes: fc.array(hash, { maxLength: 10 }),
    medium: optional(text),
    groupIndex: optional(small),
  });
  const event = fc.oneof(storedEvent, removedEvent, fc.constant({ type: 'cleared' as const }));
  type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

  const asMap = (value: Event): unknown => {
    if (value.type === 'cleared') return { type: 'AllBlocksCleared' };
    const common = { block_hashes: value.hashes, medium: value.medium };
    if (value.type === 'removed') {
      return { type: 'BlockRemoved', ...common, group_idx: value.groupIndex };
    }
    const { parent, tokens, blockSizeTokens, loraName, groupIndex, specKind } = value;
    const where = { parent_block_hash: parent, token_ids: tokens, block_size: blockSizeTokens };
    const kind = { group_idx: groupIndex, kv_cache_spec_kind: specKind };
    return { type: 'BlockStored', ...common, ...where, lora_name: loraName, ...kind };
  };
  const asArray = (value: Event): unknown => {
    if (value.type === 'cleared') return ['AllBlocksCleared'];
    if (value.type === 'removed') {
      return ['BlockRemoved', value.hashes, value.medium, value.groupIndex];
    }
    const { hashes, parent, tokens, blockSizeTokens, medium, loraName, groupIndex, specKind } =
      value;
    const first = ['BlockStored', hashes, parent, tokens, blockSizeTokens, null, medium, loraName];
    return [...first, null, groupIndex, specKind, null];
  };

  test.each([
    ['maps', asMap],
    ['arrays', asArray],
  ])('as %s', (_, shape) => {
    const decoder = createKvEventDecoder();
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), fc.double({ noNaN: true }), (events, ts) => {
        const batch = decoded(pack([ts, events.map(shape), null]), decoder);
        expect(batch.timestampSeconds === ts).toBe(true);
        expect(plain(batch)).toEqual(events);
      }),
    );
  });
});
