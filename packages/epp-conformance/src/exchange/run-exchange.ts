// SPDX-License-Identifier: Apache-2.0
import { BodySendMode, type HeaderMapInit, type MetadataInit } from '@llm-d/protos';
import { constants } from 'node:http2';
import type { ExtProcStream } from '../proxy/ext-proc-stream.ts';
import { headerMapOf, type HeaderList } from '../proxy/header-list.ts';
import { structOf } from '../proxy/plain-struct.ts';
import { AnswerReader } from './answer-reader.ts';
import type { ExchangeResult } from './exchange-result.ts';
import { chunksOf, type AnswerScript, type ExchangeScript } from './exchange-script.ts';

/**
 * Plays one exchange on a stream as Envoy does with both bodies in FULL_DUPLEX_STREAMED: the request goes out without
 * waiting for answers, the model server's answer follows when the request has its place. No message is waited for longer
 * than `waitMs`. Never rejects for what the endpoint picker does, and ends the stream.
 */
export async function runExchange(
  stream: ExtProcStream,
  script: ExchangeScript,
  waitMs: number,
): Promise<ExchangeResult> {
  const player = new ExchangePlayer(stream, script, waitMs);
  const stalledChunk = await player.play();
  return player.reader.result(stalledChunk);
}

/** Headers that every request of a script has. */
export function requestHeadersOf(script: ExchangeScript): HeaderList {
  const { body, path, headers = [], method = body === undefined ? 'GET' : 'POST' } = script;
  const usual: HeaderList = [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'models.example'],
    [':path', path],
    ['x-forwarded-proto', 'http'],
    ['user-agent', 'epp-conformance'],
    ...(body === undefined ? [] : ([['content-type', 'application/json']] as const)),
  ];
  const replaced = new Set(headers.map(([name]) => name.toLowerCase()));
  return [...usual.filter(([name]) => !replaced.has(name)), ...headers];
}

class ExchangePlayer {
  readonly reader = new AnswerReader();
  readonly #stream: ExtProcStream;
  readonly #script: ExchangeScript;
  readonly #waitMs: number;
  #isEnded = false;

  constructor(stream: ExtProcStream, script: ExchangeScript, waitMs: number) {
    this.#stream = stream;
    this.#script = script;
    this.#waitMs = waitMs;
  }

  /** Returns the chunk of a stepwise answer that did not come back, if there is one. */
  async play(): Promise<number | undefined> {
    const { reader } = this;
    const { answer, finish, lingerMs = 0 } = this.#script;
    let stalled: number | undefined;
    this.#sendRequest();
    const isPlaced = await this.#until('the answer to the request', () => this.#requestIsAnswered);
    if (answer !== undefined && isPlaced) {
      stalled = await this.#sendAnswer(answer);
      await this.#until('the answer to the response', () => this.#responseIsAnswered(answer));
    }
    if (lingerMs > 0) await this.#listen(lingerMs);
    if (finish === 'half-close') {
      this.#stream.halfClose();
      await this.#listen(this.#waitMs);
      if (!this.#isEnded) reader.silent('the end of the stream');
    }
    this.#stream.reset(finish === 'reset-no-error' ? constants.NGHTTP2_NO_ERROR : undefined);
    return stalled;
  }

  get #requestIsAnswered(): boolean {
    const { body, bodyEnding } = this.#script;
    const { reader } = this;
    if (!reader.has('request-headers')) return false;
    if (body === undefined) return true;
    return bodyEnding === 'trailers' ? reader.has('request-trailers') : reader.bodyEnded('request');
  }

  #responseIsAnswered({ chunks, ending }: AnswerScript): boolean {
    const { reader } = this;
    if (!reader.has('response-headers')) return false;
    if (chunks === undefined) return true;
    return ending === 'trailers' ? reader.has('response-trailers') : reader.bodyEnded('response');
  }

  #sendRequest(): void {
    const { body, chunkBytes, bodyEnding = 'empty-chunk', headerField } = this.#script;
    const headers = requestHeadersOf(this.#script);
    this.reader.sentRequest(headers);
    this.#stream.send({
      requestHeaders: {
        headers: headerMapOf(headers, headerField),
        endOfStream: body === undefined,
      },
      metadataContext: this.#metadata('headers'),
      protocolConfig: {
        requestBodyMode: BodySendMode.FULL_DUPLEX_STREAMED,
        responseBodyMode: BodySendMode.FULL_DUPLEX_STREAMED,
      },
    });
    if (body === undefined) return;
    const bytes = Buffer.from(body);
    const metadataContext = this.#metadata('body');
    for (const { chunk, isLast } of endedChunks(chunksOf(bytes, chunkBytes), bodyEnding)) {
      this.#stream.send({ requestBody: { body: chunk, endOfStream: isLast }, metadataContext });
    }
    if (bodyEnding === 'trailers') {
      this.#stream.send({ requestTrailers: { trailers: TRAILERS }, metadataContext });
    }
  }

  #metadata(phase: 'headers' | 'body'): MetadataInit | null {
    const { subset, subsetOn = 'request', metadata = {} } = this.#script;
    const namespaces = Object.entries(metadata).map(
      ([name, values]) => [name, structOf(values)] as const,
    );
    if (subset !== undefined && (subsetOn === 'request' || subsetOn === phase)) {
      namespaces.push(['envoy.lb.subset_hint', structOf({ [SUBSET_KEY]: subset })]);
    }
    return namespaces.length === 0 ? null : { filterMetadata: Object.fromEntries(namespaces) };
  }

  async #sendAnswer(answer: AnswerScript): Promise<number | undefined> {
    const { status = 200, headers = JSON_HEADERS, chunks, ending = 'last-chunk' } = answer;
    const all: HeaderList = [[':status', String(status)], ...headers];
    this.reader.sentResponse(all);
    const metadataContext = servedMetadata(answer, this.reader.destination);
    this.#stream.send({
      responseHeaders: { headers: headerMapOf(all), endOfStream: chunks === undefined },
      metadataContext,
    });
    if (chunks === undefined) return undefined;
    const bytes = chunks.map((chunk) => Buffer.from(chunk));
    const stalled = await this.#sendChunks(endedChunks(bytes, ending), answer, metadataContext);
    if (ending === 'trailers') {
      this.#stream.send({ responseTrailers: { trailers: TRAILERS }, metadataContext });
    }
    return stalled;
  }

  /** Sends everything, stepwise up to the first chunk that does not come back, which is returned. */
  async #sendChunks(
    chunks: readonly { readonly chunk: Uint8Array; readonly isLast: boolean }[],
    { isStepwise = false }: AnswerScript,
    metadataContext: MetadataInit | null,
  ): Promise<number | undefined> {
    let stalled: number | undefined;
    for (const [i, { chunk, isLast }] of chunks.entries()) {
      const before = this.reader.responseChunks;
      this.#stream.send({ responseBody: { body: chunk, endOfStream: isLast }, metadataContext });
      if (!isStepwise || isLast || stalled !== undefined || this.reader.isOver) continue;
      if (!(await this.#came(() => this.reader.responseChunks > before))) stalled = i;
    }
    return stalled;
  }

  async #came(isThere: () => boolean): Promise<boolean> {
    while (!isThere() && !this.reader.isOver) {
      if (!(await this.#next(this.#waitMs))) return false;
    }
    return true;
  }

  /** False when it did not come, because of silence or because the exchange is over. */
  async #until(awaited: string, isThere: () => boolean): Promise<boolean> {
    while (!isThere()) {
      if (this.reader.isOver) return false;
      if (!(await this.#next(this.#waitMs))) {
        this.reader.silent(awaited);
        return false;
      }
    }
    return true;
  }

  /** Reads all that comes until nothing has come for `ms`. */
  async #listen(ms: number): Promise<void> {
    let something = true;
    while (something && !this.#isEnded) something = await this.#next(ms);
  }

  /** False when nothing came. */
  async #next(waitMs: number): Promise<boolean> {
    const arrival = await this.#stream.receive(waitMs);
    if (arrival === undefined) return false;
    if (arrival.kind === 'message') this.reader.read(arrival.message);
    else {
      this.#isEnded = true;
      this.reader.ended(arrival.end);
    }
    return true;
  }
}

const SUBSET_KEY = 'x-gateway-destination-endpoint-subset';
const SERVED_KEY = 'x-gateway-destination-endpoint-served';
const JSON_HEADERS: HeaderList = [['content-type', 'application/json']];
const TRAILERS: HeaderMapInit = headerMapOf([['x-checksum', '0']]);

/** What Envoy says about who has served a request. */
function servedMetadata(
  { served }: AnswerScript,
  destination: string | undefined,
): MetadataInit | null {
  const endpoint = served === undefined ? destination?.split(',', 1)[0] : served;
  if (endpoint === undefined || endpoint === null) return null;
  return { filterMetadata: { 'envoy.lb': structOf({ [SERVED_KEY]: endpoint }) } };
}

const EMPTY = new Uint8Array(0);

/** Chunks with their mark, an empty one added where the ending asks for it. */
function endedChunks(
  chunks: readonly Uint8Array[],
  ending: ExchangeScript['bodyEnding'],
): readonly { readonly chunk: Uint8Array; readonly isLast: boolean }[] {
  const all =
    ending === 'empty-chunk' || (chunks.length === 0 && ending !== 'trailers')
      ? [...chunks, EMPTY]
      : chunks;
  return all.map((chunk, i) => ({
    chunk,
    isLast: ending !== 'trailers' && i === all.length - 1,
  }));
}
