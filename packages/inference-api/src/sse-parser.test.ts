import { readFileSync } from 'node:fs';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutAt } from './chunk-list.ts';
import { createSseParser } from './sse-parser.ts';

function dataOf(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const events: string[] = [];
  const parser = createSseParser({
    onData: (data) => events.push(Buffer.from(data).toString()),
  });
  for (const chunk of cutAt(bytes, cuts)) {
    // The parser must not rely on a chunk after the call.
    const lent = Buffer.from(chunk);
    parser.push(lent);
    lent.fill(0x21);
  }
  expect(parser.droppedLines).toBe(0);
  return events;
}

function expected(text: string): string[] {
  const events: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => events.push(data) });
  parser.feed(text);
  return events;
}

describe('a parser of server-sent events', () => {
  test('finds what eventsource-parser finds, wherever the stream is cut', () => {
    const line = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', ':', ' ', 'é', '😀', '{', '"'), maxLength: 12 }),
      fc.string({ maxLength: 12 }).map((data) => `data: ${data.replaceAll(/[\r\n]/g, '')}`),
      fc.constantFrom('data', 'data:', 'data:  x', 'event: x', ': comment', '', '', 'dat', 'id: 1'),
    );
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '\r')), { maxLength: 20 })
      .map((lines) => `${lines.map(([text, end]) => text + end).join('')}\n\n`);
    fc.assert(
      fc.property(stream, fc.array(fc.nat(200), { maxLength: 30 }), (text, cuts) => {
        expect(dataOf(Buffer.from(text), cuts)).toEqual(expected(text));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([['chat_stream_usage.sse'], ['messages_stream.sse'], ['responses_stream.sse']])(
    'puts the events of %s together byte by byte',
    (name) => {
      const bytes = readFileSync(new URL(`./testdata/${name}`, import.meta.url));
      const events = dataOf(bytes, [...bytes.keys()]);
      expect(events).toEqual(expected(bytes.toString()));
      expect(events.length).toBeGreaterThan(5);
    },
  );

  test('ignores a byte order mark and an event without its empty line', () => {
    expect(dataOf(Buffer.from('\ufeffdata: a\n\ndata: b\n'), [])).toEqual(['a']);
  });

  test('drops a line that is too long, and says so', () => {
    const events: string[] = [];
    const parser = createSseParser({
      maxLineBytes: 10,
      onData: (data) => events.push(Buffer.from(data).toString()),
    });
    for (const chunk of cutAt(Buffer.from('data: 0123456789\n\ndata: a\n\n'), [4, 8, 12])) {
      parser.push(chunk);
    }
    expect(events).toEqual(['a']);
    expect(parser.droppedLines).toBe(1);
  });
});
