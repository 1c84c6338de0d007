// SPDX-License-Identifier: Apache-2.0
import { apis } from './api.ts';
import { apiError } from './api-error.ts';
import type { ApiError } from './api-error.ts';
import type { ApiKind } from './api-descriptor.ts';
import { copySpan } from './chunk-list.ts';
import { JsonScanner } from './json/json-scanner.ts';
import { TextBuffer } from './json/text-buffer.ts';
import { Utf8Validator } from './json/utf8-validator.ts';
import type { ParseResult } from './parsed-request.ts';
import { RequestReader } from './request-reader.ts';

export interface RequestParserOptions {
  readonly api: ApiKind;
  /** Bodies with more bytes are refused with 413. Default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Arrays and objects inside one another that are accepted, the body included. Default 128. */
  readonly maxDepth?: number;
  /** How long the body will probably be, as clients announce it: saves memory and time where it is true. Default unknown. */
  readonly expectedBytes?: number;
}

/** Reads one request body that arrives in chunks. */
export interface RequestParser {
  /**
   * Takes the next bytes. Borders may lie anywhere, even inside a character, an escape or a number. The parser keeps a
   * reference to the chunk until it is dropped itself: the bytes must not change.
   */
  push(chunk: Uint8Array): void;
  /** Says that the body is complete. */
  end(): ParseResult;
  /** Set as soon as the body is known to be bad: the rest need not be waited for. */
  readonly error: ApiError | undefined;
  /** All chunks pushed so far, as they came. */
  readonly chunks: readonly Uint8Array[];
}

const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;
const DEFAULT_MAX_DEPTH = 128;
/** How many times more bytes than have come an announcement is believed. */
const TRUSTED_GROWTH = 8;

/**
 * A parser for one body of `options.api`. It accepts what `JSON.parse` accepts and only looks at what routing needs;
 * members that it does not know pass, as do values that only an engine can judge.
 */
export function createRequestParser(options: RequestParserOptions): RequestParser {
  const { api, maxBodyBytes = DEFAULT_MAX_BODY_BYTES, maxDepth = DEFAULT_MAX_DEPTH } = options;
  return new Parser({ api, maxBodyBytes, maxDepth, expectedBytes: options.expectedBytes ?? 0 });
}

/** Parses a body that is there as a whole. */
export function parseRequest(
  api: ApiKind,
  body: Uint8Array,
  options: Omit<RequestParserOptions, 'api'> = {},
): ParseResult {
  const parser = createRequestParser({ ...options, api });
  parser.push(body);
  return parser.end();
}

class Parser implements RequestParser {
  readonly chunks: Uint8Array[] = [];
  #error: ApiError | undefined;
  #bytes = 0;
  readonly #maxBodyBytes: number;
  readonly #expectedBytes: number;
  readonly #text = new TextBuffer();
  readonly #utf8 = new Utf8Validator();
  readonly #scanner: JsonScanner;
  readonly #reader: RequestReader;

  constructor({ api, maxBodyBytes, maxDepth, expectedBytes }: Required<RequestParserOptions>) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#expectedBytes = expectedBytes;
    const text = this.#text;
    this.#reader = new RequestReader(apis[api], {
      text,
      copyRaw: (span, target) => {
        copySpan(this.chunks, span, (bytes) => {
          target.append(bytes);
        });
      },
    });
    this.#scanner = new JsonScanner({ visitor: this.#reader, text, maxDepth });
  }

  get error(): ApiError | undefined {
    return this.#error;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#error !== undefined) return;
    if (this.#bytes > this.#maxBodyBytes) {
      const message = `the request body has more than the accepted ${this.#maxBodyBytes} bytes`;
      this.#error = apiError('body_too_large', message);
      return;
    }
    this.chunks.push(chunk);
    // What is only announced must not take memory by itself.
    this.#text.sizeHint = Math.min(this.#expectedBytes, TRUSTED_GROWTH * this.#bytes);
    if (!this.#isUtf8(this.#utf8.push(chunk))) return;
    this.#scanner.push(chunk);
    this.#checkScan();
  }

  end(): ParseResult {
    if (this.#error === undefined && this.#isUtf8(this.#utf8.end())) {
      this.#scanner.end();
      this.#checkScan();
    }
    if (this.#error !== undefined) return { ok: false, error: this.#error };
    const result = this.#reader.finish(this.#bytes);
    if (!result.ok) this.#error = result.error;
    return result;
  }

  #isUtf8(invalidOffset: number): boolean {
    if (invalidOffset < 0) return true;
    this.#error = apiError(
      'invalid_utf8',
      `the request body is not UTF-8 at byte ${invalidOffset}`,
    );
    return false;
  }

  #checkScan(): void {
    const { failure } = this.#scanner;
    this.#error =
      this.#reader.error ??
      (failure &&
        apiError(failure.code, `the request body is not acceptable JSON: ${failure.message}`));
  }
}
