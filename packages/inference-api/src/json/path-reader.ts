// SPDX-License-Identifier: Apache-2.0
import type { JsonKind, JsonVisitor } from './json-scanner.ts';
import type { TextBuffer } from './text-buffer.ts';

/** A tree of the places of a document that are read. */
export interface PathNode<Leaf> {
  readonly members: readonly { readonly name: Uint8Array; readonly node: PathNode<Leaf> }[];
  /** What an array's items are. */
  readonly items?: PathNode<Leaf>;
  /** A scalar here is told under this name. */
  readonly leaf?: Leaf;
}

/** A scalar that was found. */
export interface FoundValue {
  readonly kind: JsonKind;
  /** Of a number its value, of a boolean 0 or 1. */
  readonly value: number;
  /** Of a string: where its unescaped bytes begin in the text; they end at the text's end. */
  readonly textStart: number;
  readonly start: number;
  readonly end: number;
}

export interface PathReaderOptions<Leaf> {
  readonly root: PathNode<Leaf>;
  readonly text: TextBuffer;
  /** A scalar at a leaf ended. */
  readonly found: (leaf: Leaf, value: FoundValue) => void;
}

/** Builds a node from its members: nodes, or leaves by their name. */
export function pathNode<Leaf extends string>(
  members: Readonly<Record<string, PathNode<Leaf> | Leaf>>,
  items?: PathNode<Leaf>,
): PathNode<Leaf> {
  const list = Object.entries(members).map(([name, node]) => ({
    name: Buffer.from(name),
    node: typeof node === 'string' ? { members: [], leaf: node } : node,
  }));
  return items === undefined ? { members: list } : { members: list, items };
}

/** Visits the places of a path tree; everything else is skipped. Can be used for one document after another. */
export class PathReader<Leaf> implements JsonVisitor {
  readonly #options: PathReaderOptions<Leaf>;
  /** For each open container its node, and whether it is an object. */
  readonly #open: { node: PathNode<Leaf>; isObject: boolean }[] = [];
  #member: PathNode<Leaf> | undefined;
  #isRead = false;
  #start = 0;
  #textStart = 0;
  #openString = -1;

  constructor(options: PathReaderOptions<Leaf>) {
    this.#options = options;
    this.#member = options.root;
  }

  /** Forgets the document at hand. */
  reset(): void {
    this.#open.length = 0;
    this.#member = this.#options.root;
    this.#openString = -1;
  }

  /** The offset at which a string at a leaf begins that has not ended yet, else -1. */
  get openString(): number {
    return this.#openString;
  }

  key(text: TextBuffer, start: number): void {
    this.#member = undefined;
    const node = this.#open.at(-1)?.node;
    if (node === undefined) return;
    for (const member of node.members) {
      if (text.endsWith(start, member.name)) this.#member = member.node;
    }
  }

  begin(kind: JsonKind, offset: number): boolean {
    const parent = this.#open.at(-1);
    const node = parent === undefined || parent.isObject ? this.#member : parent.node.items;
    this.#isRead = false;
    if (node === undefined) return false;
    if (kind === 'object' || kind === 'array') {
      if (kind === 'object' ? node.members.length === 0 : node.items === undefined) return false;
      this.#open.push({ node, isObject: kind === 'object' });
      this.#isRead = true;
      return true;
    }
    this.#isRead = node.leaf !== undefined;
    this.#start = offset;
    this.#textStart = this.#options.text.used;
    if (this.#isRead && kind === 'string') this.#openString = offset;
    return this.#isRead;
  }

  end(kind: JsonKind, end: number, value: number): void {
    const isRead = this.#isRead;
    // What ends next without beginning first is the container around.
    this.#isRead = true;
    this.#openString = -1;
    if (!isRead) return;
    if (kind === 'object' || kind === 'array') {
      this.#open.pop();
      return;
    }
    const parent = this.#open.at(-1);
    const node = parent === undefined || parent.isObject ? this.#member : parent.node.items;
    if (node?.leaf === undefined) return;
    const textStart = this.#textStart;
    this.#options.found(node.leaf, { kind, value, textStart, start: this.#start, end });
    this.#options.text.used = textStart;
  }
}
