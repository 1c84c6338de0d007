import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApiKind } from './api-descriptor.ts';
import { byteLengthOf, cutAt } from './chunk-list.ts';
import { createModelRestorer } from './model-restore.ts';

interface Case {
  readonly api?: ApiKind;
  readonly streaming: boolean;
  readonly served?: string;
  readonly client?: string;
}

function restore(body: string | Uint8Array, options: Case, cuts: readonly number[] = []): string {
  const { api = 'chat-completions', streaming, served = 'tiny', client = 'my/"model"' } = options;
  const restorer = createModelRestorer({
    api,
    streaming,
    servedModel: served,
    clientModel: client,
  });
  const out = cutAt(Buffer.from(body), cuts).flatMap((chunk) => restorer.push(chunk));
  return Buffer.concat([...out, ...restorer.end()]).toString();
}

const everyBorder = Array.from({ length: 20_000 }, (_, index) => index);

describe('a captured response gets the name the client used', () => {
  test.each<[string, ApiKind, string, string]>([
    ['chat_stream_usage.sse', 'chat-completions', '"model":"tiny"', '"model":"my/\\"model\\""'],
    ['completion_stream_usage.sse', 'completions', '"model":"tiny"', '"model":"my/\\"model\\""'],
    ['messages_stream.sse', 'messages', '"model":"tiny"', '"model":"my/\\"model\\""'],
    ['responses_stream.sse', 'responses', '"model":"tiny"', '"model":"my/\\"model\\""'],
    ['chat.json', 'chat-completions', '"model":"tiny"', '"model":"my/\\"model\\""'],
    ['messages.json', 'messages', '"model":"tiny"', '"model":"my/\\"model\\""'],
    ['responses.json', 'responses', '"model":"tiny"', '"model":"my/\\"model\\""'],
  ])('%s, whole, byte by byte and in odd pieces', (name, api, from, to) => {
    const body = readFileSync(new URL(`./testdata/${name}`, import.meta.url)).toString();
    expect(body).toContain(from);
    const expected = body.replaceAll(from, to);
    const options = { api, streaming: name.endsWith('.sse') };
    expect(restore(body, options)).toBe(expected);
    expect(restore(body, options, everyBorder)).toBe(expected);
    for (const step of [7, 61, 250]) {
      expect(
        restore(
          body,
          options,
          everyBorder.map((index) => index * step),
        ),
      ).toBe(expected);
    }
  });
});

describe('the same bytes elsewhere stay', () => {
  const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

  test.each<[string, Case, string, string]>([
    [
      'in a content',
      { streaming: true },
      event({ x: '"model":"tiny"', model: 'tiny' }),
      'data: {"x":"\\"model\\":\\"tiny\\"","model":"M"}\n\n',
    ],
    [
      'deeper down',
      { streaming: true },
      event({ choices: [{ model: 'tiny' }], a: { model: 'tiny' } }),
      event({ choices: [{ model: 'tiny' }], a: { model: 'tiny' } }),
    ],
    ['of another model', { streaming: true }, event({ model: 'tiny2' }), event({ model: 'tiny2' })],
    [
      'of another API',
      { streaming: true },
      event({ response: { model: 'tiny' } }),
      event({ response: { model: 'tiny' } }),
    ],
    [
      'outside of data',
      { streaming: true },
      'event: {"model":"tiny"}\n\n',
      'event: {"model":"tiny"}\n\n',
    ],
    [
      'in no JSON',
      { streaming: true },
      'data: x{"model":"tiny"}\n\ndata: {"model":"tiny"}\n\n',
      'data: x{"model":"tiny"}\n\ndata: {"model":"M"}\n\n',
    ],
    [
      'in a list',
      { streaming: false },
      '{"data":[{"model":"tiny"}]}',
      '{"data":[{"model":"tiny"}]}',
    ],
  ])('%s', (_where, options, body, expected) => {
    for (const cuts of [[], everyBorder]) {
      expect(restore(body, { ...options, client: 'M' }, cuts)).toBe(expected);
    }
  });

  test('whatever the events and the chunks', () => {
    const name = fc.constantFrom('tiny', 'tiny-lora', 'tin', 'x');
    const value: fc.Arbitrary<unknown> = fc.oneof(
      fc.record({
        id: fc.constant('same'),
        model: name,
        choices: fc.constant([{ model: 'tiny', t: '"model":"tiny"' }]),
      }),
      fc.record({ id: fc.constant('same'), model: fc.constant('tiny'), text: fc.string() }),
      fc.record(
        { text: fc.string({ unit: 'binary' }), nested: fc.record({ model: name }) },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    );
    const isObject = (json: unknown): json is Record<string, unknown> =>
      typeof json === 'object' && json !== null && !Array.isArray(json);
    const restored = (json: unknown) =>
      JSON.stringify(isObject(json) && json['model'] === 'tiny' ? { ...json, model: 'M' } : json);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, fc.constantFrom('\n\n', '\r\n\r\n', '\n: x\n\n')), {
          maxLength: 6,
        }),
        fc.array(fc.nat(400), { maxLength: 20 }),
        (events, cuts) => {
          const stream = events
            .map(([json, end]) => `data: ${JSON.stringify(json)}${end}`)
            .join('');
          const expected = events.map(([json, end]) => `data: ${restored(json)}${end}`).join('');
          expect(restore(stream, { streaming: true, client: 'M' }, cuts)).toBe(expected);
          for (const [json] of events) {
            expect(restore(JSON.stringify(json), { streaming: false, client: 'M' }, cuts)).toBe(
              restored(json),
            );
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('lines that begin alike and name the model a second time are still read', () => {
  const lines = [
    'data: {"model":"tiny","x":1}\n\n',
    'data: {"model":"tiny","x":{"model":"tiny"}}\n\n',
    'data: {"model":"tiny","model":"tiny"}\n\n',
  ];
  expect(restore(lines.join(''), { streaming: true, client: 'M' })).toBe(
    'data: {"model":"M","x":1}\n\ndata: {"model":"M","x":{"model":"tiny"}}\n\ndata: {"model":"M","model":"M"}\n\n',
  );
});

test('an escaped name is recognised', () => {
  expect(
    restore('{"mod\\u0065l":"t\\u0069ny"}', { streaming: false, client: 'M' }, everyBorder),
  ).toBe('{"mod\\u0065l":"M"}');
});

test('only a name that may have to change is held back', () => {
  const restorer = createModelRestorer({
    api: 'chat-completions',
    streaming: true,
    servedModel: 'tiny',
    clientModel: 'M',
  });
  const push = (text: string) => Buffer.concat(restorer.push(Buffer.from(text))).toString();
  expect(push('data: {"id":"1","model')).toBe('data: {"id":"1","model');
  expect(push('":')).toBe('":');
  expect(push('"ti')).toBe('');
  expect(push('ny","choices')).toBe('"M","choices');
  expect(push('":"tin')).toBe('":"tin');
  expect(push('y"}\n\ndata: {"model":"tin')).toBe('y"}\n\ndata: {"model":');
  expect(push('\n\ndata: ')).toBe('"tin\n\ndata: ');
  expect(push(`{"model":"${'x'.repeat(30)}`)).toBe(`{"model":"${'x'.repeat(30)}`);
  expect(push('"}')).toBe('"}');
  expect(push('\ndata: {"model":"ti')).toBe('\ndata: {"model":');
  expect(byteLengthOf(restorer.end())).toBe(3);
});
