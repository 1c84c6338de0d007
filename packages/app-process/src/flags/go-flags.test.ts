import { describe, expect, test } from 'vitest';
import {
  duration,
  onOff,
  oneOf,
  port,
  ports,
  retired,
  size,
  text,
  texts,
  wholeNumber,
  wordsOf,
} from './flag-kinds.ts';
import { describeFlags, FlagError, parseFlags } from './go-flags.ts';

const table = {
  secure: onOff(true, 'Speaks TLS.'),
  name: text('', 'name', 'A name.'),
  'grpc-port': port(9002, 'A port.'),
  targets: ports('Ports.'),
  v: wholeNumber(2, { least: 0, most: 10 }, 'Verbosity.'),
  every: duration('50ms', { leastMs: 50 }, 'An interval.'),
  limit: size('A limit.'),
  shape: oneOf(['round', 'square'], 'A shape.'),
  stages: wordsOf(['plan', 'build', 'test'], 'Stages.'),
  hosts: texts('host', 'Hosts.'),
  former: retired('use --name'),
};
const valueOf = (flag: keyof typeof table, ...args: string[]) =>
  parseFlags(table, args).values[flag];

test.each<[keyof typeof table, string[], unknown]>([
  ['secure', [], true],
  ['secure', ['--secure'], true],
  ['secure', ['--secure=false'], false],
  ['secure', ['--secure=0'], false],
  ['name', ['--name=a=b'], 'a=b'],
  ['name', ['--name', '--secure'], '--secure'],
  ['name', ['--name='], ''],
  ['name', ['--name=a', '--name=b'], 'b'],
  ['grpc-port', ['--grpc-port', '0'], 0],
  ['targets', ['--targets=8000,8001', '--targets', '8000'], [8000, 8001]],
  ['v', ['-v', '4'], 4],
  ['v', ['-v=4'], 4],
  ['v', ['-v4'], 4],
  ['v', ['--v=4'], 4],
  ['every', [], 50],
  ['every', ['--every=1m30s'], 90_000],
  ['limit', [], undefined],
  ['limit', ['--limit=10MiB'], 10 * 2 ** 20],
  ['limit', ['--limit=25MB'], 25_000_000],
  ['limit', ['--limit=4Mi'], 4 * 2 ** 20],
  ['limit', ['--limit=4096'], 4096],
  ['shape', ['--shape=square'], 'square'],
  ['stages', ['--stages=test,plan', '--stages', 'test'], ['test', 'plan']],
  ['hosts', ['--hosts=a:1, b:2,', '--hosts=a:1'], ['a:1', 'b:2', 'a:1']],
])('%s of %j is %j', (flag, args, expected) => {
  expect(valueOf(flag, ...args)).toEqual(expected);
});

test('a switch does not take the next argument', () => {
  expect(() => parseFlags(table, ['--secure', 'false'])).toThrow('unexpected argument: false');
});

test('what was given is known apart from its value', () => {
  expect([...parseFlags(table, ['--secure=true', '-v=2']).given]).toEqual(['secure', 'v']);
});

describe('what is refused, and why', () => {
  test.each([
    [['--unknown'], 'unknown flag: --unknown'],
    [['--__proto__=1'], 'unknown flag: --__proto__'],
    [['-x'], 'unknown flag: -x'],
    [['file'], 'unexpected argument: file'],
    [['--name'], 'flag needs an argument: --name'],
    [['--former=x'], '--former: use --name'],
    [['--secure=maybe'], 'invalid argument "maybe" for --secure: expected true or false'],
    [
      ['--grpc-port=65536'],
      'invalid argument "65536" for --grpc-port: expected a whole number from 0 to 65535',
    ],
    [
      ['--targets=8000,'],
      'invalid argument "8000," for --targets: expected a whole number from 1 to 65535',
    ],
    [['-v', 'x'], 'invalid argument "x" for -v: expected a whole number from 0 to 10'],
    [
      ['--every=50'],
      'invalid argument "50" for --every: expected a duration such as 50ms or 1m30s',
    ],
    [['--every=49ms'], 'invalid argument "49ms" for --every: expected at least 50 ms'],
    [
      ['--limit=much'],
      'invalid argument "much" for --limit: expected a size such as 10MiB or 25MB',
    ],
    [['--shape=oval'], 'invalid argument "oval" for --shape: expected one of round, square'],
    [
      ['--stages=plan,sell'],
      'invalid argument "plan,sell" for --stages: expected some of plan, build, test',
    ],
  ])('%j: %s', (args, message) => {
    expect(() => parseFlags(table, args)).toThrow(new FlagError(message));
  });
});

test('help has every flag that is still taken, with its default', () => {
  const help = describeFlags(table);
  expect(help).toContain('  --grpc-port <port>\n      A port. (default 9002)');
  expect(help).toContain('  -v <number>\n');
  expect(help).toContain('  --secure\n      Speaks TLS. (default true)');
  expect(help).not.toContain('former');
});
