import type { ApiKind } from '@llm-d/inference-api';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createCachedTokensRewriter } from './cached-tokens.ts';

const rewrite = (
  text: string,
  {
    api = 'chat-completions',
    streaming = true,
    cuts = [],
  }: { api?: ApiKind; streaming?: boolean; cuts?: readonly number[] } = {},
): string => {
  const rewriter = createCachedTokensRewriter({ api, streaming, cachedTokens: 48 });
  const bytes = Buffer.from(text);
  const out: Buffer[] = [];
  const sorted = [...cuts].sort((a, b) => a - b);
  for (const [index, from] of [0, ...sorted].entries()) {
    out.push(...rewriter.push(bytes.subarray(from, sorted[index])));
  }
  return Buffer.concat([...out, ...rewriter.end()]).toString();
};

const pairs = JSON.parse(
  readFileSync(new URL('../testdata/nixl-pairs.json', import.meta.url), 'utf8'),
) as { readonly api: ApiKind; readonly decode: { readonly response: unknown } }[];
const stream =
  pairs
    .map(({ decode }) => decode.response)
    .find((response): response is string => typeof response === 'string') ?? '';

describe('a captured stream of vLLM', () => {
  const expected = stream.replace('"cached_tokens":0', '"cached_tokens":48');

  test('tells the prefiller’s count, and is the same besides, wherever it is cut in two', () => {
    expect(stream).toContain('"cached_tokens":0');
    for (let cut = 0; cut <= Buffer.byteLength(stream); cut++) {
      expect(rewrite(stream, { cuts: [cut] })).toBe(expected);
    }
  });

  test('and wherever it is cut in many', () => {
    const offset = fc.nat({ max: Buffer.byteLength(stream) });
    fc.assert(
      fc.property(fc.array(offset, { maxLength: 20 }), (cuts) => {
        expect(rewrite(stream, { cuts })).toBe(expected);
      }),
    );
  });

  test('holds nothing back but a line that has not ended', () => {
    const rewriter = createCachedTokensRewriter({
      api: 'chat-completions',
      streaming: true,
      cachedTokens: 1,
    });
    const pushed = (text: string): string =>
      Buffer.concat([...rewriter.push(Buffer.from(text))]).toString();
    expect([
      pushed('data: {"a":1}\n'),
      pushed('\ndata: {"u'),
      pushed('s":2}'),
      pushed('\n\n'),
    ]).toEqual(['data: {"a":1}\n', '\n', '', 'data: {"us":2}\n\n']);
  });
});

test.each(
  pairs
    .filter(({ decode }) => typeof decode.response !== 'string')
    .map(({ api, decode }) => [api, JSON.stringify(decode.response)] as const),
)('a captured document of %s tells it as well', (api, text) => {
  const expected = text.replace('"cached_tokens":0', '"cached_tokens":48');
  expect(expected).not.toBe(text);
  expect(rewrite(text, { api, streaming: false, cuts: [1, 50] })).toBe(expected);
});

test.each<[string, string, { api?: ApiKind; streaming?: boolean }]>([
  [
    '{"usage":{"n":1}}',
    '{"usage":{"n":1,"prompt_tokens_details":{"cached_tokens":48}}}',
    { streaming: false },
  ],
  ['{"usage":null}', '{"usage":null}', { streaming: false }],
  ['{"a":{"usage":{"n":1}}}', '{"a":{"usage":{"n":1}}}', { streaming: false }],
  ['<html>', '<html>', { streaming: false }],
  ['', '', { streaming: false }],
  [
    'data: {"usage":{}}\r\n\r\n',
    'data: {"usage":{"prompt_tokens_details":{"cached_tokens":48}}}\r\n\r\n',
    {},
  ],
  [
    'data: {"usage":{"prompt_tokens_details":{"cached_tokens":48}}}',
    'data: {"usage":{"prompt_tokens_details":{"cached_tokens":48}}}',
    {},
  ],
  ['data:{"usage":{}}', 'data:{"usage":{"prompt_tokens_details":{"cached_tokens":48}}}', {}],
  ['event: usage"\n\n', 'event: usage"\n\n', {}],
  [
    'data: {"type":"response.completed","response":{"usage":{"input_tokens":9}}}\n\n',
    'data: {"type":"response.completed","response":{"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":48}}}}\n\n',
    { api: 'responses' },
  ],
  [
    'data: {"usage":{"input_tokens":9}}\n\n',
    'data: {"usage":{"input_tokens":9}}\n\n',
    { api: 'messages' },
  ],
])('%s becomes %s', (text, expected, options) => {
  expect(rewrite(text, options)).toBe(expected);
});
