import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMetricReader } from './exposition-reader.ts';

const read = (name: string, text: string) => createMetricReader(name).read(Buffer.from(text));

describe('reading a metric', () => {
  test('takes its samples and no longer name that begins alike', () => {
    const text =
      'queue_by_reason{reason="a"} 9\n# TYPE queue gauge\nqueue{engine="0"} 3.0\nqueue{engine="1"} 4\nother 5\n';
    expect(read('queue', text)).toEqual([
      { labels: { engine: '0' }, value: 3 },
      { labels: { engine: '1' }, value: 4 },
    ]);
  });

  test.each([
    ['in the first line', 'm 1\nx 2\n', [{ labels: {}, value: 1 }]],
    ['in a last line without an end', 'x 2\nm 1', [{ labels: {}, value: 1 }]],
    ['with a time stamp', 'm{a="b"} 7 1700000000000\n', [{ labels: { a: 'b' }, value: 7 }]],
    ['in exponent form', 'm 1.795e+09\n', [{ labels: {}, value: 1.795e9 }]],
    [
      'infinite',
      'm +Inf\nm -Inf\n',
      [
        { labels: {}, value: Infinity },
        { labels: {}, value: -Infinity },
      ],
    ],
    [
      'with brackets, commas and escapes in a label',
      'm{a="x},{\\"y\\"\\\\\\n",b="z"} 1\n',
      [{ labels: { a: 'x},{"y"\\\n', b: 'z' }, value: 1 }],
    ],
    ['nowhere', 'x 1\n', []],
    ['broken', 'm{a="b 1\nm 2\n', [{ labels: {}, value: 2 }]],
    ['without a value', 'm{a="b"}\n', []],
    ['in an empty text', '', []],
  ])('%s', (_, text, samples) => {
    expect(read('m', text)).toEqual(samples);
  });

  test('reads labels anew when they change, also to others of the same length', () => {
    const reader = createMetricReader('m');
    const labelsOf = (text: string) => reader.read(Buffer.from(text)).map(({ labels }) => labels);
    expect(labelsOf('m{a="1"} 1\nm{a="2"} 1\n')).toEqual([{ a: '1' }, { a: '2' }]);
    expect(labelsOf('m{a="2"} 1\nm{a="1"} 1\n')).toEqual([{ a: '2' }, { a: '1' }]);
    expect(labelsOf('m{a="2"} 1\nm 1\nm{a="2",b="3"} 1\n')).toEqual([
      { a: '2' },
      {},
      { a: '2', b: '3' },
    ]);
    expect(labelsOf('m{a="2"')).toEqual([]);
  });

  test('keeps nothing that refers to the text', () => {
    const reader = createMetricReader('m');
    const text = Buffer.from('m{a="1"} 1\n');
    reader.read(text);
    text.fill('m{a="2"} 2\n');
    expect(reader.read(text)).toEqual([{ labels: { a: '2' }, value: 2 }]);
  });

  test('finds all samples again however the text around them grows and shrinks', () => {
    const filler = fc
      .integer({ min: 0, max: 60 })
      .map((lines) => 'filler_metric{a="b"} 1\n'.repeat(lines));
    const values = fc.array(fc.integer(), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fc.tuple(filler, values, filler), { maxLength: 8 }), (scrapes) => {
        const reader = createMetricReader('m');
        for (const [before, samples, after] of scrapes) {
          const text = before + samples.map((v, i) => `m{i="${i}"} ${v}\n`).join('') + after;
          expect(reader.read(Buffer.from(text)).map(({ value }) => value)).toEqual(samples);
        }
      }),
    );
  });
});
