import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutAt } from '../chunk-list.ts';
import { JsonScanner } from './json-scanner.ts';
import type { JsonFailure, JsonKind, JsonVisitor } from './json-scanner.ts';
import { TextBuffer } from './text-buffer.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Builds what JSON.parse builds, from what the scanner tells. */
class Rebuilder implements JsonVisitor {
  readonly text = new TextBuffer();
  result: Json | undefined;
  #stack: { value: Json[] | Record<string, Json>; key: string }[] = [];
  #key = '';
  #textStart = 0;

  key(text: TextBuffer, start: number): void {
    this.#key = text.stringFrom(start);
  }

  begin(kind: JsonKind): boolean {
    this.#textStart = this.text.used;
    if (kind === 'object' || kind === 'array') {
      this.#stack.push({ value: kind === 'array' ? [] : {}, key: this.#key });
    }
    return true;
  }

  end(kind: JsonKind, _end: number, value: number): void {
    switch (kind) {
      case 'object':
      case 'array': {
        const frame = this.#stack.pop();
        this.#key = frame?.key ?? '';
        this.#put(frame?.value ?? null);
        return;
      }
      case 'string':
        this.#put(this.text.stringFrom(this.#textStart));
        this.text.used = this.#textStart;
        return;
      case 'number':
        this.#put(value);
        return;
      case 'boolean':
        this.#put(value === 1);
        return;
      case 'null':
        this.#put(null);
    }
  }

  #put(value: Json): void {
    const parent = this.#stack.at(-1)?.value;
    if (parent === undefined) this.result = value;
    else if (Array.isArray(parent)) parent.push(value);
    else {
      Object.defineProperty(parent, this.#key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
}

function scan(
  bytes: Uint8Array,
  borders: readonly number[] = [],
): { failure: JsonFailure | undefined; result: Json | undefined } {
  const visitor = new Rebuilder();
  const scanner = new JsonScanner({ visitor, text: visitor.text, maxDepth: 1000 });
  for (const chunk of cutAt(bytes, borders)) scanner.push(chunk);
  return { failure: scanner.end(), result: visitor.result };
}

function accepts(bytes: Uint8Array, borders: readonly number[]): boolean {
  const visitor: JsonVisitor = { key: () => undefined, begin: () => false, end: () => undefined };
  const scanner = new JsonScanner({ visitor, text: new TextBuffer(), maxDepth: 1000 });
  for (const chunk of cutAt(bytes, borders)) scanner.push(chunk);
  return scanner.end() === undefined;
}

function parsed(text: string): { value: Json } | undefined {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    return undefined;
  }
}

/** JSON.parse keeps lone surrogates, UTF-8 has none. */
function wellFormed(value: Json): Json {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key.toWellFormed(), wellFormed(member)]),
  );
}

const borders = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });
const everyBorder = Array.from({ length: 4000 }, (_, index) => index);

const spelled = fc.record({
  value: fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }),
  indent: fc.constantFrom('', ' ', '\t', '\r\n'),
  escaped: fc.boolean(),
});

function spell({
  value,
  indent,
  escaped,
}: {
  value: unknown;
  indent: string;
  escaped: boolean;
}): string {
  const text = JSON.stringify(value, undefined, indent);
  if (!escaped) return text;
  return text.replaceAll(
    /[^\0-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

describe('a JSON scanner', () => {
  test('tells of any document what JSON.parse builds of it, whatever the chunks', () => {
    fc.assert(
      fc.property(spelled, borders, (document, cuts) => {
        const text = spell(document);
        const { failure, result } = scan(Buffer.from(text), cuts);
        expect(failure).toBeUndefined();
        expect(result).toEqual(wellFormed(JSON.parse(text) as Json));
      }),
      { numRuns: 500 },
    );
  });

  test('accepts a damaged document exactly if JSON.parse does, whatever the chunks', () => {
    const damage = fc.record({
      at: fc.nat({ max: 200 }),
      remove: fc.nat({ max: 3 }),
      insert: fc.constantFrom(
        ...Array.from('{}[]",:0123456789-+.eE\\u tfn\n\0\x1fa'),
        'true',
        '\\ud800',
        '1e5',
        '',
      ),
    });
    fc.assert(
      fc.property(spelled, borders, damage, (document, cuts, { at, remove, insert }) => {
        const intact = spell(document);
        const start = at % (intact.length + 1);
        const text = (
          intact.slice(0, start) +
          insert +
          intact.slice(start + remove)
        ).toWellFormed();
        const expected = parsed(text);
        const { failure, result } = scan(Buffer.from(text), cuts);
        expect(failure === undefined).toBe(expected !== undefined);
        expect(accepts(Buffer.from(text), cuts)).toBe(expected !== undefined);
        if (expected !== undefined) expect(result).toEqual(wellFormed(expected.value));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['0'],
    ['-0'],
    ['-'],
    ['01'],
    ['1.'],
    ['.5'],
    ['1e'],
    ['1e+'],
    ['1E-7'],
    ['123456789'],
    ['1234567890'],
    ['123456789012345678901234567890'],
    ['1-2'],
    ['12a'],
    ['[1,2,33,]'],
    ['[12345678,9]'],
    ['1e400'],
    ['-12.5e-3'],
    ['nul'],
    ['nulll'],
    ['tru e'],
    ['""'],
    ['"'],
    ['"\\'],
    ['"\\u12'],
    ['"\\u12g4"'],
    ['"\\ud83d\\ude00"'],
    ['"\\ud83d\\ud83d\\ude00x\\ude00"'],
    ['"\\ud83dx\\n"'],
    ['"\\ud83d\\n"'],
    ['"tab\there"'],
    ['"\\q"'],
    ['{"a":1,"a":{"b":[]}}'],
    ['{"__proto__":1}'],
    ['{"a"}'],
    ['{"a":}'],
    ['{,}'],
    ['{"a":1,}'],
    ['[]]'],
    ['[}'],
    ['[1 2]'],
    [' '],
    [''],
    ['\ufeff1'],
    ['{"k\\u0065y":1}'],
  ])('agrees with JSON.parse on %j, cut at every byte and not at all', (text) => {
    const bytes = Buffer.from(text);
    const expected = parsed(text);
    for (const cuts of [[], everyBorder]) {
      const { failure, result } = scan(bytes, cuts);
      expect(failure === undefined).toBe(expected !== undefined);
      if (expected !== undefined) expect(result).toEqual(wellFormed(expected.value));
    }
  });

  test.each([
    ['{"a":1 "b":2}', 7, `expected ',' or '}' but found '"' at byte 7`],
    ['[1;2]', 2, `expected ',' or ']' but found ';' at byte 2`],
    ['{"a" 1}', 5, `expected ':' but found '1' at byte 5`],
    ['[tru3]', 4, `expected 'true' but found '3' at byte 4`],
    ['[-x]', 2, `expected a digit but found 'x' at byte 2`],
    ['"a\nb"', 2, 'a string contains the control character byte 0x0a at byte 2'],
    ['{"a":', 5, 'the document ends before it is complete at byte 5'],
    ['{} {}', 3, `expected the end of the document but found '{' at byte 3`],
  ])('says what is wrong with %j and where', (text, offset, message) => {
    for (const cuts of [[], everyBorder]) {
      expect(scan(Buffer.from(text), cuts).failure).toEqual({
        code: 'invalid_json',
        offset,
        message,
      });
    }
  });

  test('refuses what is nested too deep', () => {
    const visitor: JsonVisitor = { key: () => undefined, begin: () => false, end: () => undefined };
    const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    const scanner = () => new JsonScanner({ visitor, text: new TextBuffer(), maxDepth: 3 });
    const fits = scanner();
    fits.push(nested(3));
    expect(fits.end()).toBeUndefined();
    const tooDeep = scanner();
    tooDeep.push(nested(4));
    expect(tooDeep.end()).toMatchObject({ code: 'nesting_too_deep', offset: 3 });
  });
});
