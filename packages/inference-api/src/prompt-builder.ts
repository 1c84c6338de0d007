// SPDX-License-Identifier: Apache-2.0
import type { TextBuffer } from './json/text-buffer.ts';
import type { ByteSpan, MediaItem, Prompt } from './parsed-request.ts';
import type { MediaKind } from './request-shape.ts';
import { BYTES_PER_ESTIMATED_TOKEN } from './token-estimate.ts';

const Piece = { dropped: 0, text: 1, tokens: 2, media: 3 } as const;

interface Piece {
  kind: (typeof Piece)[keyof typeof Piece];
  /** Where it belongs: pieces are put together by ascending order, equal ones as they came. */
  readonly order: number;
  /** Text: bytes of the text buffer. Tokens: indices. Media: `start` is the index of the item. */
  readonly start: number;
  end: number;
}

/** A buffer that is this much larger than the text in it is not handed out. */
const TOLERATED_WASTE_BYTES = 65_536;

const NO_TOKENS = new Uint32Array(0);

interface Media {
  readonly kind: MediaKind;
  readonly payload: ByteSpan | undefined;
}

/** Collects the pieces of a prompt in the order of the body and puts them together in the order of the engine. */
export class PromptBuilder {
  readonly #text: TextBuffer;
  readonly #pieces: Piece[] = [];
  readonly #media: Media[] = [];
  #tokens = NO_TOKENS;
  #tokenCount = 0;
  #isOrdered = true;
  #lastOrder = 0;
  /** The piece that may grow. */
  #last: Piece | undefined;

  constructor(text: TextBuffer) {
    this.#text = text;
  }

  /** A member begins: what it brings makes pieces of its own. Returns a mark for {@link drop}. */
  mark(): number {
    this.#last = undefined;
    return this.#pieces.length;
  }

  /** The text buffer's bytes from `start` on belong to the prompt. */
  addText(order: number, start: number): void {
    if (start === this.#text.used) return;
    const last = this.#last;
    if (last?.kind === Piece.text && last.order === order && last.end === start) {
      last.end = this.#text.used;
    } else this.#add({ kind: Piece.text, order, start, end: this.#text.used });
  }

  /** Token ids of one member follow each other, so they make one piece. */
  addToken(order: number, id: number): void {
    if (this.#tokenCount === this.#tokens.length) {
      const grown = new Uint32Array(Math.max(1024, this.#tokens.length * 2));
      grown.set(this.#tokens);
      this.#tokens = grown;
    }
    this.#tokens[this.#tokenCount++] = id;
    const last = this.#last;
    if (last?.kind === Piece.tokens && order >= last.order) last.end = this.#tokenCount;
    else {
      this.#add({ kind: Piece.tokens, order, start: this.#tokenCount - 1, end: this.#tokenCount });
    }
  }

  addMedia(order: number, media: Media): void {
    const index = this.#media.push(media) - 1;
    this.#add({ kind: Piece.media, order, start: index, end: index });
  }

  /** Takes back the pieces from mark `from` up to mark `to`: their member is followed by another of the same name. */
  drop(from: number, to: number): void {
    for (const piece of this.#pieces.slice(from, to)) {
      piece.kind = Piece.dropped;
      this.#isOrdered = false;
    }
  }

  /** Puts the prompt together. The builder is of no use afterwards. */
  finish(): { prompt: Prompt; mediaItems: readonly MediaItem[] } {
    if (!this.#isOrdered) this.#pieces.sort((a, b) => a.order - b.order);
    const ids = this.#finishTokens();
    if (ids.length > 0)
      return { prompt: { kind: 'tokens', ids }, mediaItems: this.#mediaItems(false) };
    const bytes = this.#finishText();
    return {
      prompt: bytes.length > 0 ? { kind: 'text', bytes } : { kind: 'none' },
      mediaItems: this.#mediaItems(true),
    };
  }

  #add(piece: Piece): void {
    // Media lie between texts and have none, so they never force a copy, but must be sorted like all others.
    if (piece.order < this.#lastOrder) this.#isOrdered = false;
    this.#lastOrder = piece.order;
    this.#last = piece;
    this.#pieces.push(piece);
  }

  #finishText(): Uint8Array {
    const { bytes, used } = this.#text;
    if (this.#isOrdered) {
      // Spares whoever takes the text for tokens a copy.
      if (used > 0) bytes.fill(0, used, used + BYTES_PER_ESTIMATED_TOKEN);
      const text = bytes.subarray(0, used);
      return bytes.length > 2 * used + TOLERATED_WASTE_BYTES ? Buffer.from(text) : text;
    }
    const parts = this.#pieces.filter(({ kind }) => kind === Piece.text);
    return Buffer.concat(parts.map(({ start, end }) => bytes.subarray(start, end)));
  }

  #finishTokens(): Uint32Array {
    if (this.#tokenCount === 0) return NO_TOKENS;
    if (this.#isOrdered) return this.#tokens.subarray(0, this.#tokenCount);
    const parts = this.#pieces.filter(({ kind }) => kind === Piece.tokens);
    const ids = new Uint32Array(parts.reduce((sum, { start, end }) => sum + end - start, 0));
    let at = 0;
    for (const { start, end } of parts) {
      ids.set(this.#tokens.subarray(start, end), at);
      at += end - start;
    }
    return ids;
  }

  #mediaItems(hasText: boolean): MediaItem[] {
    const items: MediaItem[] = [];
    if (this.#media.length === 0) return items;
    let textOffset = 0;
    for (const { kind, start, end } of this.#pieces) {
      if (kind === Piece.text && hasText) textOffset += end - start;
      const media = kind === Piece.media ? this.#media[start] : undefined;
      if (media !== undefined) items.push({ ...media, textOffset });
    }
    return items;
  }
}
