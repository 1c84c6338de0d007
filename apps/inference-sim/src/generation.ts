// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import type { Engine, EngineRequest, SequenceResult, SequenceSink } from '@llm-d/engine-sim';
import {
  DONE_EVENT,
  EventFormat,
  answerBody,
  type AnswerHead,
  type Usage,
} from './answer-format.ts';
import {
  ApiError,
  MAX_CHARACTERS_PER_TOKEN,
  engineBusy,
  promptTextTooLong,
  promptTooLong,
} from './api-error.ts';
import type { GenerationRequest } from './generation-request.ts';
import { sendJson } from './http-response.ts';
import { Detokenizer, detokenize } from './token-text.ts';
import type { VllmMetrics } from './vllm-metrics.ts';

/** What generations of one replica share. */
export interface GenerationContext {
  readonly engine: Engine;
  readonly metrics: VllmMetrics;
  /** Streams with something to write when the step is over. */
  readonly unwritten: Set<Generation>;
  /** Bytes that may wait for a slow client before its connection is dropped. */
  readonly maxBufferedBytes: number;
  readonly echo: boolean;
}

export interface GenerationJob {
  readonly request: GenerationRequest;
  readonly head: AnswerHead;
  readonly lora: string | undefined;
  readonly sessionId: string | undefined;
  readonly response: ServerResponse;
}

/** One prompt of a request on its way through the engine. */
interface Lane {
  readonly prompt: Uint32Array;
  readonly detokenizer: Detokenizer;
  /** Tokens since the last write; all of them if the answer is not streamed. */
  readonly tokens: number[];
  generated: number;
  opened: boolean;
  result: SequenceResult | undefined;
  abort: () => void;
  cachedTokens: () => number;
  offloadedTokens: () => number;
}

/**
 * One HTTP request for text: its sequences in the engine and its answer, whole or streamed. Tokens are collected while
 * the engine reports a step and written when it is over, so each step costs one write per stream.
 */
export class Generation {
  readonly #context: GenerationContext;
  readonly #job: GenerationJob;
  readonly #format: EventFormat;
  readonly #lanes: Lane[];
  #over = false;

  /** Submits all prompts, or none. @throws ApiError with the reason why the engine refused one. */
  static start(context: GenerationContext, job: GenerationJob): void {
    new Generation(context, job).#start();
  }

  private constructor(context: GenerationContext, job: GenerationJob) {
    this.#context = context;
    this.#job = job;
    this.#format = new EventFormat(job.head);
    this.#lanes = job.request.prompts.map((prompt) => ({
      prompt,
      detokenizer: new Detokenizer(),
      tokens: [],
      generated: 0,
      opened: false,
      result: undefined,
      abort: () => undefined,
      cachedTokens: () => 0,
      offloadedTokens: () => 0,
    }));
  }

  #start(): void {
    const { request, response } = this.#job;
    const { maxModelLen } = this.#context.engine.config;
    if (request.characters > MAX_CHARACTERS_PER_TOKEN * maxModelLen) {
      throw promptTextTooLong(request.characters, maxModelLen);
    }
    try {
      this.#lanes.forEach((lane, i) => {
        this.#submit(lane, request.echoes[i]);
      });
    } catch (error) {
      this.#abort();
      throw error;
    }
    response.on('close', () => {
      this.#abort();
    });
    if (!request.stream) return;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
  }

  #submit(lane: Lane, echo: Uint32Array | undefined): void {
    const { engine, metrics } = this.#context;
    const { request } = this.#job;
    const engineRequest: EngineRequest = {
      promptTokens: lane.prompt,
      maxTokens: request.maxTokens,
      ignoreEos: request.ignoreEos,
      outputTokens: this.#context.echo ? echo : undefined,
      lora: this.#job.lora,
      cacheSalt: request.cacheSalt,
      seed: request.seed,
      sessionId: this.#job.sessionId,
    };
    const result = engine.submit(engineRequest, this.#sinkOf(lane));
    if (result.kind === 'accepted') {
      lane.abort = result.abort;
      lane.cachedTokens = result.cachedTokens;
      lane.offloadedTokens = result.offloadedTokens;
      return;
    }
    switch (result.reason) {
      case 'overloaded':
        metrics.rejected();
        throw engineBusy();
      case 'prompt_too_long':
        throw promptTooLong(lane.prompt.length, engine.config.maxModelLen);
      case 'unknown_lora':
        throw new ApiError(404, `The lora adapter '${String(this.#job.lora)}' cannot be found.`, {
          type: 'NotFoundError',
        });
      case 'invalid':
        throw new ApiError(400, 'The engine refused the request.');
      case 'stopped':
        throw engineBusy();
    }
  }

  #sinkOf(lane: Lane): SequenceSink {
    const { metrics, unwritten } = this.#context;
    const timing = metrics.sequence({
      tokens: lane.prompt.length,
      cachedTokens: () => lane.cachedTokens(),
      offloadedTokens: () => lane.offloadedTokens(),
    });
    return {
      onToken: (token) => {
        lane.tokens.push(token);
        lane.generated++;
        timing.token();
        unwritten.add(this);
      },
      onFinish: (result) => {
        lane.result = result;
        metrics.finished(result, this.#job.request.maxTokens);
        if (result.finishReason !== 'abort') unwritten.add(this);
        else if (!this.#over) this.#fail();
      },
    };
  }

  /** Writes what the step has brought. */
  flush(): void {
    if (this.#over) return;
    if (this.#job.request.stream) this.#writeEvents();
    else if (this.#lanes.every((lane) => lane.result !== undefined)) this.#writeBody();
  }

  #writeEvents(): void {
    const { response } = this.#job;
    let text = '';
    this.#lanes.forEach((lane, index) => {
      if (lane.tokens.length > 0) text += this.#eventsOf(lane, index);
    });
    const ended = this.#lanes.every((lane) => lane.result !== undefined);
    if (ended) {
      if (this.#job.request.includeUsage) text += this.#format.usage(this.#usage());
      text += DONE_EVENT;
      this.#over = true;
      response.end(text);
      return;
    }
    response.write(text);
    // The client does not read: vLLM would buffer without end.
    if (response.writableLength > this.#context.maxBufferedBytes) response.destroy();
  }

  #eventsOf(lane: Lane, index: number): string {
    const { request } = this.#job;
    const ids = request.returnTokenIds;
    const usage = request.continuousUsage ? this.#usageOf(lane) : undefined;
    let promptIds = ids && !lane.opened ? [...lane.prompt] : null;
    let text = '';
    let content = '';
    if (!lane.opened && request.kind === 'chat') {
      const before = usage === undefined ? undefined : { ...usage, completionTokens: 0 };
      text = this.#format.role(index, promptIds, before);
      promptIds = null;
    } else if (!lane.opened && request.prependPrompt) {
      content = detokenize(lane.prompt);
    }
    lane.opened = true;
    for (const token of lane.tokens) content += lane.detokenizer.push(token);
    if (lane.result !== undefined) content += lane.detokenizer.end();
    text += this.#format.delta({
      index,
      text: content,
      finishReason: lane.result?.finishReason,
      usage,
      tokenIds: ids ? lane.tokens : null,
      promptTokenIds: promptIds,
      fingerprint: lane.result !== undefined && !request.includeUsage,
    });
    lane.tokens.length = 0;
    return text;
  }

  #writeBody(): void {
    const { request, head, response } = this.#job;
    const choices = this.#lanes.map((lane) => ({
      text:
        (request.prependPrompt ? detokenize(lane.prompt) : '') +
        detokenize(Uint32Array.from(lane.tokens)),
      finishReason: lane.result?.finishReason ?? 'abort',
      tokenIds: request.returnTokenIds ? lane.tokens : null,
      promptTokenIds: request.returnTokenIds ? [...lane.prompt] : null,
    }));
    this.#over = true;
    sendJson(response, 200, answerBody(head, choices, this.#usage()));
  }

  #usage(): Usage {
    return this.#lanes.map((lane) => this.#usageOf(lane)).reduce(addUsage);
  }

  #usageOf(lane: Lane): Usage {
    const size = this.#context.engine.config.blockSizeTokens;
    const cachedTokens = lane.cachedTokens();
    const wholeBlocks = lane.prompt.length - (lane.prompt.length % size);
    return {
      promptTokens: lane.prompt.length,
      completionTokens: lane.generated,
      cachedTokens,
      createdTokens: Math.max(0, wholeBlocks - cachedTokens),
    };
  }

  /** The engine gave up (it is being stopped). */
  #fail(): void {
    this.#over = true;
    const { response } = this.#job;
    if (response.headersSent) response.destroy();
    else
      sendJson(
        response,
        500,
        new ApiError(500, 'The engine was stopped.', { type: 'InternalServerError' }).body(),
      );
    this.#abort();
  }

  #abort(): void {
    this.#over = true;
    this.#context.unwritten.delete(this);
    for (const lane of this.#lanes) lane.abort();
  }
}

function addUsage(a: Usage, b: Usage): Usage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    createdTokens: a.createdTokens + b.createdTokens,
  };
}
