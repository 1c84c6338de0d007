import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAzureTrace } from './azure-trace.ts';
import { TraceFormatError } from './trace-format-error.ts';

const head = readFileSync(new URL('testdata/azure-head.csv', import.meta.url), 'utf8');
const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';

describe('an Azure trace', () => {
  test('is read with its times counted from the first request', () => {
    const trace = parseAzureTrace(head);
    expect(trace).toHaveLength(5);
    expect(trace[0]).toEqual({ atMs: 0, inputTokens: 374, outputTokens: 44, blockIds: [] });
    expect(trace[1]?.atMs).toBeCloseTo(4314.579, 2);
  });

  test.each([
    ['', 'a.csv:1: must be the header'],
    ['TIME,In,Out', 'a.csv:1: must be the header'],
    [`${HEADER}\n2023-11-16 18:15:46.68,374`, 'a.csv:2: has 2 columns instead of 3'],
    [`${HEADER}\nyesterday,374,44`, 'a.csv:2: TIMESTAMP is "yesterday"'],
    [`${HEADER}\n2023-11-16 18:15:46.68,x,44`, 'a.csv:2: ContextTokens is "x"'],
    [`${HEADER}\n2023-11-16 18:15:46.68,374,0`, 'a.csv:2: GeneratedTokens is 0'],
    [
      `${HEADER}\n2023-11-16 18:15:46.68,374,1\n2023-11-16 18:15:46.67,374,1`,
      'a.csv:3: TIMESTAMP goes back in time',
    ],
  ])('says where it is wrong: %j', (text, message) => {
    const parse = () => parseAzureTrace(text, { file: 'a.csv' });
    expect(parse).toThrow(message);
    expect(parse).toThrow(TraceFormatError);
  });
});
