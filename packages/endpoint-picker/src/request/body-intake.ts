// SPDX-License-Identifier: Apache-2.0
import {
  apiError,
  createRequestParser,
  type ApiError,
  type ApiKind,
  type ParsedRequest,
} from '@llm-d/inference-api';

/** Takes in one request body as it arrives. */
export interface BodyIntake {
  /** Takes the next bytes, which must not change until the request is over. */
  push(chunk: Uint8Array): void;
  /** Says that the body is complete. `request` is undefined where nobody reads it. */
  end():
    | { readonly ok: true; readonly request: ParsedRequest | undefined }
    | { readonly ok: false; readonly error: ApiError };
  /** Set as soon as the body is known to be bad: the rest need not be waited for. */
  readonly error: ApiError | undefined;
  /** Everything pushed, as it came. */
  readonly chunks: readonly Uint8Array[];
}

export interface BodyIntakeOptions {
  /** What the body is read as; undefined: it is only collected. */
  readonly api: ApiKind | undefined;
  readonly maxBytes: number;
  /** How long the body will probably be. Default unknown. */
  readonly expectedBytes?: number | undefined;
}

/** Reads a body of an API while it arrives, or just collects it. Either way it has a limit. */
export function createBodyIntake(options: BodyIntakeOptions): BodyIntake {
  const { api, maxBytes, expectedBytes = 0 } = options;
  return api === undefined
    ? new Collector(maxBytes)
    : createRequestParser({ api, maxBodyBytes: maxBytes, expectedBytes });
}

/** The error of a body with more than `maxBytes`. */
export const bodyTooLarge = (maxBytes: number): ApiError =>
  apiError('body_too_large', `the request body has more than the accepted ${maxBytes} bytes`);

class Collector implements BodyIntake {
  readonly chunks: Uint8Array[] = [];
  error: ApiError | undefined;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.error = bodyTooLarge(this.#maxBytes);
    else this.chunks.push(chunk);
  }

  end(): ReturnType<BodyIntake['end']> {
    return this.error === undefined
      ? { ok: true, request: undefined }
      : { ok: false, error: this.error };
  }
}
