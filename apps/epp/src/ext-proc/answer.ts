// SPDX-License-Identifier: Apache-2.0
import { isSystemOwnedHeader, tokenUsageOf, type PlacedExchange } from '@llm-d/endpoint-picker';
import {
  createModelRestorer,
  createResponseObserver,
  type ApiKind,
  type ModelRestorer,
  type ResponseObserver,
} from '@llm-d/inference-api';
import type { HeaderChange } from '@llm-d/protos';
import type { DynamicMetadata, SchedulingRequest, Termination } from '@llm-d/scheduler-core';
import { BODY_MESSAGE_BYTES } from './body-messages.ts';
import { debugAnswerHeader } from './debug-header.ts';

export interface AnswerOptions {
  readonly api: ApiKind | undefined;
  /** Of the request: no more of it is kept while the answer comes. */
  readonly request: Pick<SchedulingRequest, 'model' | 'targetModel' | 'streaming'>;
  readonly exchange: PlacedExchange;
  readonly repeatsHeaders: boolean;
  /** What the client is to be told of the decision; undefined for nothing. */
  readonly decision?: string | undefined;
}

/** The answer to a placed request on its way to the client: watched, and given the model name that the client used. */
export class Answer {
  readonly #options: AnswerOptions;
  #observer: ResponseObserver | undefined;
  #restorer: ModelRestorer | undefined;
  /** A whole document is held back as far as it fits into one message; undefined for what is passed on at once. */
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  /** The head has come. Returns what is changed about it; undefined for nothing. */
  head(
    headers: ReadonlyMap<string, string>,
    metadata: DynamicMetadata | undefined,
  ): HeaderChange | undefined {
    const { api, request, exchange } = this.#options;
    const { model, targetModel } = request;
    const type = headers.get('content-type');
    const streaming = type?.includes('text/event-stream') ?? request.streaming;
    if (api !== undefined) {
      this.#observer = createResponseObserver({ api, streaming });
      if (model !== '' && model !== targetModel) {
        const names = { servedModel: targetModel, clientModel: model };
        this.#restorer = createModelRestorer({ api, streaming, ...names });
      }
    }
    if (!streaming && type?.includes('json') === true) this.#held = [];
    // Older conventions say `status`.
    const status = Number(headers.get(':status') ?? headers.get('status') ?? 200);
    const added = exchange.responseHeaders(status, headers, metadata);
    return this.#changes(headers, added);
  }

  /** The next bytes of the body have come. Returns what goes on to the client. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (chunk.length === 0) return NOTHING;
    this.#options.exchange.responseBytes(chunk.length);
    this.#observer?.push(chunk);
    const passed = this.#restorer === undefined ? [chunk] : this.#restorer.push(chunk);
    if (this.#held === undefined) return passed;
    for (const piece of passed) {
      this.#held.push(piece);
      this.#heldBytes += piece.length;
    }
    return this.#heldBytes > BODY_MESSAGE_BYTES ? this.#release() : NOTHING;
  }

  /** What {@link push} returned has gone on. */
  handled(): void {
    this.#options.exchange.responseHandled();
  }

  /** No more bytes come. Returns what was held back. */
  finish(): readonly Uint8Array[] {
    const rest = this.#restorer?.end() ?? NOTHING;
    return this.#held === undefined ? rest : [...this.#release(), ...rest];
  }

  /** Closes the books, once in effect. Returns what plugins want the proxy to be told. */
  end(termination: Termination): DynamicMetadata | undefined {
    const { exchange } = this.#options;
    if (this.#observer === undefined) return exchange.end({ termination });
    const { usage, events: streamedEvents } = this.#observer.observe();
    return exchange.end({ termination, usage: usage && tokenUsageOf(usage), streamedEvents });
  }

  #release(): readonly Uint8Array[] {
    const held = this.#held ?? [];
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  #changes(
    headers: ReadonlyMap<string, string>,
    added: ReadonlyMap<string, string>,
  ): HeaderChange | undefined {
    const { repeatsHeaders, decision } = this.#options;
    const changesLength = this.#restorer !== undefined && headers.has('content-length');
    const isUntouched = added.size === 0 && !changesLength && !repeatsHeaders;
    if (isUntouched && decision === undefined) return undefined;
    const set = new Map(added);
    if (decision !== undefined) set.set(debugAnswerHeader, decision);
    if (repeatsHeaders) {
      set.set('x-went-into-resp-headers', 'true');
      for (const [name, value] of headers) {
        if (!name.startsWith(':') && !isSystemOwnedHeader(name) && !set.has(name)) {
          set.set(name, value);
        }
      }
    }
    return { set: [...set].flat(), remove: changesLength ? ['content-length'] : [] };
  }
}

const NOTHING: readonly Uint8Array[] = [];
