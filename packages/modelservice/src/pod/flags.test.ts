import { expect, test } from 'vitest';
import { flag, flagsFrom, hasFlag, withFlags } from './flags.ts';

test.each([
  [['--port', '1'], '--port', true],
  [['--port=1'], '--port', true],
  [['--tensor_parallel_size=2'], '--tensor-parallel-size', true],
  [['-tp', '2'], '--tensor-parallel-size', true],
  [['--tensor-parallel-size=2'], '--tp-size', true],
  [['--no-enable-expert-parallel'], '--enable-expert-parallel', true],
  [['--portal=1'], '--port', false],
  [['port'], '--port', false],
])('%j has %s: %s', (args, name, expected) => {
  expect(hasFlag(args, name)).toBe(expected);
});

test('what a person states is not said again', () => {
  const flags = [flag('--port', 8000), flag('--served-model-name', 'a', 'b'), flag('--quiet')];
  expect(withFlags(['m', '--port=1'], flags)).toEqual([
    ...['m', '--port=1'],
    ...['--served-model-name', 'a', 'b'],
    '--quiet',
  ]);
});

test('flags of a map are in order of their names; what is no value is left out', () => {
  expect(flagsFrom({ v: 4, 'a-b': true, c: { d: 1 } })).toEqual([
    flag('--a-b', 'true'),
    flag('--v', 4),
  ]);
});
