import { describe, expect, test } from 'vitest';
import { BenchError } from './bench-error.ts';
import {
  addParameter,
  parseDurationMs,
  parseNames,
  parsePositive,
  parseServiceLevel,
  parseWhole,
} from './option-values.ts';

describe('option values', () => {
  test.each([
    ['90s', 90_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['250ms', 250],
    ['2', 2000],
  ])('the duration %s is %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test('a service level may have either bound or both', () => {
    expect(parseServiceLevel('ttft=2s,tpot=50ms')).toEqual({ ttftMs: 2000, tpotMs: 50 });
    expect(parseServiceLevel('tpot=0.1')).toEqual({ tpotMs: 100 });
  });

  test('parameters add up', () => {
    expect(addParameter('groups=8', addParameter('system-tokens=100'))).toEqual({
      groups: 8,
      'system-tokens': 100,
    });
  });

  test('names may have spaces around their commas', () => {
    expect(parseNames('random, round-robin,default')).toEqual(['random', 'round-robin', 'default']);
  });

  test.each<[string, () => unknown]>([
    ['"5 days"', () => parseDurationMs('5 days')],
    ['"-1s"', () => parseDurationMs('-1s')],
    ['"0"', () => parsePositive('0')],
    ['""', () => parsePositive('')],
    ['"1.5"', () => parseWhole('1.5')],
    ['"e2e=1s"', () => parseServiceLevel('e2e=1s')],
    ['"groups"', () => addParameter('groups')],
    ['"a,a"', () => parseNames('a,a')],
    ['"a,"', () => parseNames('a,')],
  ])('a wrong value is refused and named: %s', (text, parse) => {
    expect(parse).toThrow(BenchError);
    expect(parse).toThrow(text);
  });
});
