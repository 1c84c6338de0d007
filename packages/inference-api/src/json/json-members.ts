// SPDX-License-Identifier: Apache-2.0
import { JsonScanner, type JsonFailure, type JsonKind, type JsonVisitor } from './json-scanner.ts';
import { TextBuffer } from './text-buffer.ts';

/** One member of an object: where it stands in the document's bytes. */
export interface JsonMember {
  /** The key, unescaped. Keys may come more than once. */
  readonly name: string;
  readonly kind: JsonKind;
  /** The key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** Where the value ends, exclusive. */
  readonly end: number;
}

/** What a document is. */
export type JsonMembers =
  | {
      readonly kind: 'object';
      /** In the order in which they are written. */
      readonly members: readonly JsonMember[];
      /** Behind the opening brace. */
      readonly bodyStart: number;
    }
  /** Valid JSON, and no object. */
  | { readonly kind: 'other' }
  | { readonly kind: 'invalid'; readonly failure: JsonFailure };

/** The members of a document that is an object. */
export type JsonObjectMembers = Extract<JsonMembers, { kind: 'object' }>;

const MAX_DEPTH = 512;

/**
 * Finds the members of a JSON object without building any value: everything inside them is checked to be JSON and passed
 * over. Whether the bytes are UTF-8 is not checked.
 */
export function readJsonMembers(bytes: Uint8Array): JsonMembers {
  const visitor = new MemberVisitor();
  const scanner = new JsonScanner({ visitor, text: new TextBuffer(), maxDepth: MAX_DEPTH });
  scanner.push(bytes);
  const failure = scanner.end();
  if (failure !== undefined) return { kind: 'invalid', failure };
  const { members, bodyStart } = visitor;
  return bodyStart === 0 ? { kind: 'other' } : { kind: 'object', members, bodyStart };
}

/** New JSON texts of members by their names; undefined removes a member. */
export type MemberChanges = ReadonlyMap<string, string | Uint8Array | undefined>;

/**
 * The same document with other members. What is not changed keeps its bytes; a new member comes last. Where a name comes
 * more than once its last value counts, as parsers have it, and the others go.
 */
export function changeJsonMembers(
  bytes: Uint8Array,
  { members, bodyStart }: JsonObjectMembers,
  changes: MemberChanges,
): Buffer {
  const parts: Uint8Array[] = [];
  const last = members.at(-1);
  const tail = last === undefined ? bodyStart : last.end;
  let isFirst = true;
  /** From where on bytes are kept that have not been put into `parts`; -1 for none. */
  let from = 0;
  let until = members[0]?.start ?? bodyStart;
  const flush = (): void => {
    if (from >= 0) parts.push(bytes.subarray(from, until));
    from = -1;
  };
  const add = (...pieces: readonly Uint8Array[]): void => {
    flush();
    if (!isFirst) parts.push(COMMA);
    isFirst = false;
    parts.push(...pieces);
  };
  const seen = new Set<string>();
  const lastOf = changes.size === 0 ? undefined : lastByName(members, changes);
  for (const member of members) {
    if (!changes.has(member.name)) {
      // The comma and the space before it are as they were where its neighbour is kept as well.
      if (from < 0) {
        if (!isFirst) parts.push(COMMA);
        from = member.start;
      }
      isFirst = false;
      until = member.end;
      continue;
    }
    const value = changes.get(member.name);
    seen.add(member.name);
    if (value === undefined || lastOf?.get(member.name) !== member) flush();
    else add(bytes.subarray(member.start, member.valueStart), bytesOf(value));
  }
  for (const [name, value] of changes) {
    if (value !== undefined && !seen.has(name))
      add(bytesOf(`${JSON.stringify(name)}:`), bytesOf(value));
  }
  flush();
  parts.push(bytes.subarray(tail));
  return Buffer.concat(parts);
}

const COMMA = Buffer.from(',');

const bytesOf = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value) : value;

function lastByName(
  members: readonly JsonMember[],
  changes: MemberChanges,
): ReadonlyMap<string, JsonMember> {
  return new Map(
    members.filter(({ name }) => changes.has(name)).map((member) => [member.name, member]),
  );
}

class MemberVisitor implements JsonVisitor {
  readonly members: JsonMember[] = [];
  /** 0 until an object has begun. */
  bodyStart = 0;
  #name = '';
  #start = 0;
  /** -1 outside of a member's value. */
  #valueStart = -1;

  key(text: TextBuffer, start: number, offset: number): void {
    this.#name = text.stringFrom(start);
    this.#start = offset;
  }

  begin(kind: JsonKind, offset: number): boolean {
    if (this.bodyStart > 0) {
      this.#valueStart = offset;
      return false;
    }
    if (kind !== 'object') return false;
    this.bodyStart = offset + 1;
    return true;
  }

  end(kind: JsonKind, end: number): void {
    if (this.#valueStart < 0) return;
    this.members.push({
      name: this.#name,
      kind,
      start: this.#start,
      valueStart: this.#valueStart,
      end,
    });
    this.#valueStart = -1;
  }
}
