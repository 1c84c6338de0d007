import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpackDecoder } from './decoder.ts';
import { DynamicTable } from './dynamic-table.ts';
import { encodeHeaders, type HeaderField } from './encoder.ts';
import { HpackError } from './hpack-error.ts';
import { encodeHuffman, FullEncoder } from './hpack.testing.ts';
import { decodeHuffman } from './huffman.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const decoder = (
  options: { readonly maxTableSize?: number; readonly maxHeaderListSize?: number } = {},
) => new HpackDecoder({ maxTableSize: 4096, maxHeaderListSize: 65_536, ...options });
const fieldsOf = (d: HpackDecoder, block: Buffer): HeaderField[] => {
  const { names, values } = d.decode(block);
  return names.map((name, i) => [name, values[i] ?? '']);
};

const get = (authority: string, path = '/', scheme = 'http'): HeaderField[] => [
  [':method', 'GET'],
  [':scheme', scheme],
  [':path', path],
  [':authority', authority],
];
const date21 = 'Mon, 21 Oct 2013 20:13:21 GMT';
const date22 = 'Mon, 21 Oct 2013 20:13:22 GMT';
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const answer = (status: string, date = date21): HeaderField[] => [
  [':status', status],
  ['cache-control', 'private'],
  ['date', date],
  ['location', 'https://www.example.com'],
];
const custom: HeaderField = ['custom-key', 'custom-value'];

/** RFC 7541 appendix C: blocks that one decoder gets one after the other. */
const sequences: readonly (readonly [
  string,
  number,
  readonly (readonly [string, readonly HeaderField[]])[],
])[] = [
  [
    'C.2.1 literal with indexing',
    4096,
    [
      [
        '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
        [['custom-key', 'custom-header']],
      ],
    ],
  ],
  [
    'C.2.2 literal without indexing',
    4096,
    [['040c 2f73 616d 706c 652f 7061 7468', [[':path', '/sample/path']]]],
  ],
  [
    'C.2.3 literal never indexed',
    4096,
    [['1008 7061 7373 776f 7264 0673 6563 7265 74', [['password', 'secret']]]],
  ],
  ['C.2.4 indexed', 4096, [['82', [[':method', 'GET']]]]],
  [
    'C.3 requests',
    4096,
    [
      ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', get('www.example.com')],
      [
        '8286 84be 5808 6e6f 2d63 6163 6865',
        [...get('www.example.com'), ['cache-control', 'no-cache']],
      ],
      [
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
        [...get('www.example.com', '/index.html', 'https'), custom],
      ],
    ],
  ],
  [
    'C.4 requests with Huffman',
    4096,
    [
      ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', get('www.example.com')],
      ['8286 84be 5886 a8eb 1064 9cbf', [...get('www.example.com'), ['cache-control', 'no-cache']]],
      [
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
        [...get('www.example.com', '/index.html', 'https'), custom],
      ],
    ],
  ],
  [
    'C.5 responses with eviction',
    256,
    [
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        answer('302'),
      ],
      ['4803 3330 37c1 c0bf', answer('307')],
      [
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
        [...answer('200', date22), ['content-encoding', 'gzip'], ['set-cookie', cookie]],
      ],
    ],
  ],
  [
    'C.6 responses with Huffman and eviction',
    256,
    [
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        answer('302'),
      ],
      ['4883 640e ffc1 c0bf', answer('307')],
      [
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
        [...answer('200', date22), ['content-encoding', 'gzip'], ['set-cookie', cookie]],
      ],
    ],
  ],
];

describe('RFC 7541 appendix C', () => {
  test.each(sequences)('%s', (_, maxTableSize, blocks) => {
    const d = decoder({ maxTableSize });
    for (const [block, fields] of blocks) {
      const decoded = fieldsOf(d, hex(block)).filter(([name]) => name !== '');
      const byName = (a: HeaderField, b: HeaderField) => (a[0] < b[0] ? -1 : 1);
      expect(decoded.sort(byName)).toEqual([...fields].sort(byName));
    }
  });

  test('C.1 integers', () => {
    // 1337 as a string length (7-bit prefix) and 42 as the whole octet of an index.
    expect(
      fieldsOf(decoder(), Buffer.concat([hex('00 01 61 7f ba 09'), Buffer.alloc(1337, 'v')])),
    ).toEqual([['a', 'v'.repeat(1337)]]);
  });
});

const octets = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const names = fc.oneof(fc.constantFrom('content-type', 'x-a', 'x-b', ':path', 'te'), octets);

test('whatever an encoder makes of headers, the decoder gives them back', () => {
  const how = fc.record({
    huffman: fc.boolean(),
    indexing: fc.constantFrom('incremental', 'without', 'never'),
  });
  const block = fc.array(fc.tuple(names, octets, how), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 6 }), (blocks) => {
      const encoder = new FullEncoder();
      const d = decoder();
      for (const fields of blocks) {
        const encoded = fields.map(([name, value, h]) => encoder.field([name, value], h));
        expect(fieldsOf(d, Buffer.concat(encoded))).toEqual(fields.map(([n, v]) => [n, v]));
      }
    }),
  );
});

test('what our encoder writes means what was said, to any decoder', () => {
  const block = fc.array(fc.tuple(names, octets), { maxLength: 30 });
  fc.assert(
    fc.property(block, (fields) => {
      expect(fieldsOf(decoder(), encodeHeaders(fields))).toEqual(fields);
    }),
  );
});

test('Huffman strings come back, for every octet', () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  const coded = encodeHuffman(all);
  expect(decodeHuffman(coded, 0, coded.length)).toBe(all);
  fc.assert(
    fc.property(octets, (text) => {
      const bytes = encodeHuffman(text);
      expect(decodeHuffman(bytes, 0, bytes.length)).toBe(text);
    }),
  );
});

describe('refuses', () => {
  test.each([
    ['index 0', '80'],
    ['an index that is not there', 'be'],
    ['a string beyond the block', '00 05 61'],
    ['a block that ends in a name', '00'],
    ['an endless integer', 'ff ff ff ff ff ff ff'],
    ['a table larger than announced', '3f e2 1f'],
    ['a table size in the middle', '82 20'],
    ['Huffman padding of zeros', '00 81 00 00'],
    ['Huffman padding of a whole octet', '00 82 1f ff 00'],
    ['end of string in a Huffman string', '00 84 ff ff ff ff 00'],
  ])('%s', (_, block) => {
    expect(() => decoder().decode(hex(block))).toThrow(HpackError);
  });

  test('arbitrary bytes with nothing but an HpackError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (blocks) => {
        const d = decoder();
        try {
          for (const block of blocks) d.decode(Buffer.from(block));
        } catch (error) {
          expect(error).toBeInstanceOf(HpackError);
        }
      }),
    );
  });
});

test('a block that unpacks to too much is cut off but keeps the table right', () => {
  const d = decoder({ maxHeaderListSize: 200 });
  const bomb = Buffer.concat([
    hex('40 01 61 7f 00'),
    Buffer.alloc(127, 'v'),
    Buffer.alloc(60_000, 0xbe),
  ]);
  const list = d.decode(bomb);
  expect(list).toMatchObject({ tooLarge: true, names: ['a'] });
  expect(d.decode(hex('be'))).toMatchObject({ tooLarge: false, names: ['a'] });
});

test('the dynamic table never holds more than it may', () => {
  const entry = fc.tuple(fc.string({ maxLength: 40 }), fc.string({ maxLength: 80 }));
  const change = fc.oneof(entry, fc.nat(256));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const table = new DynamicTable(256);
      let limit = 256;
      let model: [string, string][] = [];
      for (const step of changes) {
        if (typeof step === 'number') table.resize((limit = step));
        else {
          table.add(...step);
          model.unshift(step);
        }
        let size = 0;
        const fits = model.findIndex(([n, v]) => (size += n.length + v.length + 32) > limit);
        if (fits !== -1) model = model.slice(0, fits);
        expect(model.map((_, i) => [table.name(i), table.value(i)])).toEqual(model);
        expect(table.length).toBe(model.length);
        expect(table.size).toBeLessThanOrEqual(limit);
      }
    }),
  );
});
