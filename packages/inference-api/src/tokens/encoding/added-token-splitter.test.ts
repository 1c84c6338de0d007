import { expect, test } from 'vitest';
import { createAddedTokenSplitter } from './added-token-splitter.ts';

const token = (content: string, more: { lstrip?: boolean; rstrip?: boolean } = {}) => ({
  id: content.length,
  content,
  lstrip: false,
  rstrip: false,
  normalized: false,
  ...more,
});
const split = createAddedTokenSplitter([
  token('<a>'),
  token('<a><b>'),
  token('$^.'),
  token('<left>', { lstrip: true }),
  token('<right>', { rstrip: true }),
]);
const sections = (text: string) =>
  [...split(text)].map(({ start, end, token: found }) => [found?.content, text.slice(start, end)]);

test.each<[string, unknown]>([
  ['', []],
  ['x', [[undefined, 'x']]],
  [
    'x<a>y',
    [
      [undefined, 'x'],
      ['<a>', '<a>'],
      [undefined, 'y'],
    ],
  ],
  [
    '<a><b><a>',
    [
      ['<a><b>', '<a><b>'],
      ['<a>', '<a>'],
    ],
  ],
  [
    '<<a>>',
    [
      [undefined, '<'],
      ['<a>', '<a>'],
      [undefined, '>'],
    ],
  ],
  [
    'a$^.b',
    [
      [undefined, 'a'],
      ['$^.', '$^.'],
      [undefined, 'b'],
    ],
  ],
  [
    'x \n<left> y',
    [
      [undefined, 'x'],
      ['<left>', ' \n<left>'],
      [undefined, ' y'],
    ],
  ],
  ['  <left>', [['<left>', '  <left>']]],
  [
    'x <right> \u0085y',
    [
      [undefined, 'x '],
      ['<right>', '<right> \u0085'],
      [undefined, 'y'],
    ],
  ],
  [
    '<right>  <left>',
    [
      ['<right>', '<right>  '],
      ['<left>', '<left>'],
    ],
  ],
])('%j', (text, expected) => {
  expect(sections(text)).toEqual(expected);
});

test('without added tokens a text is one section', () => {
  const whole = createAddedTokenSplitter([]);
  expect([...whole('x<a>')]).toEqual([{ start: 0, end: 4, token: undefined }]);
  expect([...whole('')]).toEqual([]);
});
