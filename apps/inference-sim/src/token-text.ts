// SPDX-License-Identifier: Apache-2.0
import { StringDecoder } from 'node:string_decoder';
import { BYTES_PER_ESTIMATED_TOKEN, estimateTokens } from '@llm-d/inference-api';

const encoder = new TextEncoder();

/** Tokens of a text: four bytes of UTF-8 each, the last one filled up with zero bytes. */
export function tokenize(text: string): Uint32Array {
  return estimateTokens(encoder.encode(text));
}

/** The text of tokens: their bytes without zero bytes, read as UTF-8. The inverse of {@link tokenize}. */
export function detokenize(tokens: Uint32Array): string {
  const detokenizer = new Detokenizer();
  let text = '';
  for (const token of tokens) text += detokenizer.push(token);
  return text + detokenizer.end();
}

/** Joins token arrays. */
export function concatTokens(parts: readonly Uint32Array[]): Uint32Array {
  const tokens = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    tokens.set(part, at);
    at += part.length;
  }
  return tokens;
}

/** Turns a stream of tokens into text; a character that spans tokens comes out with its last one. */
export class Detokenizer {
  #decoder: StringDecoder | undefined;

  push(token: number): string {
    // ASCII throughout and no character begun before: no decoder needed.
    if ((token & 0x80808080) === 0 && this.#decoder === undefined) return asciiOf(token);
    this.#decoder ??= new StringDecoder('utf8');
    return this.#decoder.write(bytesOf(token));
  }

  /** What is left of a character that never ended, as replacement characters. */
  end(): string {
    return this.#decoder?.end() ?? '';
  }
}

function asciiOf(token: number): string {
  let text = '';
  for (let rest = token; rest !== 0; rest >>>= 8) {
    const byte = rest & 0xff;
    if (byte !== 0) text += String.fromCharCode(byte);
  }
  return text;
}

function bytesOf(token: number): Buffer {
  const bytes = Buffer.alloc(BYTES_PER_ESTIMATED_TOKEN);
  bytes.writeUInt32LE(token);
  return bytes.filter((byte) => byte !== 0) as Buffer;
}
