import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseMooncakeTrace } from './mooncake-trace.ts';
import { TraceFormatError } from './trace-format-error.ts';

const head = readFileSync(new URL('testdata/mooncake-head.jsonl', import.meta.url), 'utf8');
const good = '{"timestamp": 5, "input_length": 513, "output_length": 2, "hash_ids": [0, 1]}';

describe('a Mooncake trace', () => {
  test('is read line by line', () => {
    const trace = parseMooncakeTrace(head);
    expect(trace).toHaveLength(12);
    expect(trace[0]).toEqual({
      atMs: 0,
      inputTokens: 6758,
      outputTokens: 500,
      blockIds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    });
    expect(trace.every(({ blockIds }) => blockIds[0] === 0)).toBe(true);
  });

  test('may come as lines, and may have blank ones', () => {
    expect(parseMooncakeTrace([good, '', `${good}\r`])).toHaveLength(2);
  });

  test.each([
    ['{', 'trace.jsonl:2: is not JSON', undefined],
    ['[1]', 'trace.jsonl:2: is not a JSON object', undefined],
    [good.replace('513', '"513"'), 'trace.jsonl:2: input_length is "513"', 'input_length'],
    [good.replace('513', '0'), 'trace.jsonl:2: input_length is 0', 'input_length'],
    [good.replace('"timestamp": 5, ', ''), 'trace.jsonl:2: timestamp is missing', 'timestamp'],
    [good.replace(': 5,', ': 4,'), 'trace.jsonl:2: timestamp goes back in time', 'timestamp'],
    [good.replace(': 2,', ': 2.5,'), 'trace.jsonl:2: output_length is 2.5', 'output_length'],
    [good.replace('[0, 1]', '7'), 'trace.jsonl:2: hash_ids must be an array', 'hash_ids'],
    [good.replace('[0, 1]', '[0]'), 'trace.jsonl:2: hash_ids has 1 entries', 'hash_ids'],
    [good.replace('[0, 1]', '[0, -1]'), 'trace.jsonl:2: hash_ids is -1', 'hash_ids'],
  ])('names file, line and field of what is wrong: %s', (bad, message, field) => {
    const parse = () => parseMooncakeTrace(`${good}\n${bad}\n`, { file: 'trace.jsonl' });
    expect(parse).toThrow(message);
    expect(parse).toThrow(TraceFormatError);
    expect(parse).toThrow(expect.objectContaining({ code: 'TRACE_FORMAT', line: 2, field }));
  });
});
