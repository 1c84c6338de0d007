import { expect, test } from 'vitest';
import { createScreen } from './screen.ts';

test('a block is replaced in place, and lines appear above it', () => {
  const written: string[] = [];
  const screen = createScreen({ write: (text) => written.push(text) });
  screen.line('hello');
  screen.block('one\ntwo');
  screen.line('news');
  screen.block('three');
  expect(written).toEqual([
    'hello\n',
    'one\ntwo\n',
    '\u001b[2A\r\u001b[0Jnews\none\ntwo\n',
    '\u001b[2A\r\u001b[0Jthree\n',
  ]);
});
