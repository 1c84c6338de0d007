// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import { createRandom, type Clock, type Random } from '@llm-d/determinism';
import { createEngine, type Engine } from '@llm-d/engine-sim';
import type { Telemetry } from '@llm-d/telemetry';
import { AdminConfig } from './admin-config.ts';
import { ApiError } from './api-error.ts';
import { renderChat } from './chat-template.ts';
import { embeddingsBody } from './embeddings.ts';
import { drawFailure } from './failure-injection.ts';
import {
  readChatRequest,
  readCompletionRequest,
  readMessages,
  type GenerationRequest,
} from './generation-request.ts';
import { Generation, type GenerationContext } from './generation.ts';
import { send, sendJson } from './http-response.ts';
import { createHttpServer, type Exchange, type Handler } from './http-server.ts';
import { JsonBody } from './json-body.ts';
import type { InferenceSimOptions } from './options.ts';
import { ServedModels } from './served-models.ts';
import { detokenize, tokenize } from './token-text.ts';
import { narrowTo } from './prometheus-text.ts';
import { VllmMetrics } from './vllm-metrics.ts';

/** The vLLM whose surface this is. */
export const VLLM_VERSION = '0.32.0';

export interface ReplicaOptions {
  readonly options: InferenceSimOptions;
  readonly index: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** One engine and the HTTP server in front of it. */
export class Replica {
  readonly engine: Engine;
  readonly server: Server;
  readonly #options: InferenceSimOptions;
  readonly #clock: Clock;
  /** Draws failures, apart from the engine's dice: injecting some leaves the other answers as they were. */
  readonly #failureDice: Random;
  readonly #models: ServedModels;
  readonly #metrics: VllmMetrics;
  readonly #admin: AdminConfig;
  readonly #context: GenerationContext;
  readonly #readyAtMs: number;
  readonly #fingerprint: string;
  /** Requests for inference that have no answer yet. */
  #load = 0;

  constructor({ options, index, clock, telemetry }: ReplicaOptions) {
    this.#options = options;
    this.#clock = clock;
    const random = createRandom(options.seed + index);
    this.#failureDice = createRandom(~(options.seed + index));
    this.#readyAtMs = clock.nowMs() + options.startupDurationMs;
    const unwritten = new Set<Generation>();
    this.engine = createEngine({
      profile: options.profile,
      clock,
      random,
      telemetry,
      config: { ...options.engine, mode: 'random' },
      onStep: (record) => {
        this.#metrics.step(record);
        for (const generation of unwritten) generation.flush();
        unwritten.clear();
      },
    });
    this.engine.setLatency(options.latency);
    const model = this.engine.config.model;
    this.#models = new ServedModels({
      engine: this.engine,
      model,
      loraModules: options.loraModules,
      servedNames: options.servedNames.length > 0 ? options.servedNames : [model],
    });
    this.#metrics = new VllmMetrics({
      engine: this.engine,
      clock,
      modelName: this.#models.primaryName,
      maxLoras: options.loraEnabled ? this.engine.config.maxLoras : undefined,
    });
    this.#admin = new AdminConfig(this.engine, options.failures);
    this.#context = {
      engine: this.engine,
      metrics: this.#metrics,
      unwritten,
      maxBufferedBytes: options.maxBufferedBytes,
      echo: options.engine.mode === 'echo',
    };
    this.#fingerprint = `vllm-${VLLM_VERSION}-${(options.seed >>> 0).toString(16).padStart(8, '0')}`;
    this.server = createHttpServer({
      routes: this.#routes(),
      maxBodyBytes: options.maxBodyBytes,
      headers: {
        'x-inference-pod': options.replicas > 1 ? `${options.podName}-${index}` : options.podName,
        'x-inference-namespace': options.podNamespace,
      },
      gate: (request) => {
        this.#gate(request);
      },
      logger: telemetry.logger,
    });
  }

  #routes(): ReadonlyMap<string, Handler> {
    const empty: Handler = ({ response }) => {
      send(response, 200, { body: '' });
    };
    return new Map<string, Handler>([
      ['GET /health', empty],
      ['GET /ping', empty],
      ['POST /ping', empty],
      ['GET /version', json(() => ({ version: VLLM_VERSION }))],
      ['GET /load', json(() => ({ server_load: this.#load }))],
      [
        'GET /metrics',
        (exchange) => {
          this.#sendMetrics(exchange);
        },
      ],
      ['GET /v1/models', json(() => this.#models.list(this.#nowSeconds()))],
      ['POST /v1/chat/completions', (exchange) => this.#generate(exchange, readChatRequest)],
      ['POST /v1/completions', (exchange) => this.#generate(exchange, readCompletionRequest)],
      ['POST /v1/embeddings', (exchange) => this.#embed(exchange)],
      ['POST /tokenize', (exchange) => this.#tokenize(exchange)],
      ['POST /detokenize', (exchange) => this.#detokenize(exchange)],
      ['POST /v1/load_lora_adapter', (exchange) => this.#loadLora(exchange)],
      ['POST /v1/unload_lora_adapter', (exchange) => this.#unloadLora(exchange)],
      ['POST /reset_prefix_cache', json(() => ({ success: this.engine.resetPrefixCache() }))],
      ['GET /admin/config', json(() => this.#admin.show())],
      ['POST /admin/config', (exchange) => this.#configure(exchange)],
    ]);
  }

  /** Refuses everything while the simulated start lasts. */
  #gate(request: IncomingMessage): void {
    if (request.url?.startsWith('/admin/') === true) return;
    if (this.#clock.nowMs() < this.#readyAtMs) {
      throw new ApiError(503, 'The server is starting.', { type: 'Service Unavailable' });
    }
  }

  async #generate(exchange: Exchange, read: (body: JsonBody) => GenerationRequest): Promise<void> {
    const { response } = exchange;
    const body = JsonBody.parse(await exchange.readBody());
    const request = read(body);
    const { name, lora } = this.#models.resolve(request.model);
    const failure = drawFailure(this.#admin.failures, this.#failureDice, name);
    if (failure !== undefined) throw failure;
    const head = {
      kind: request.kind,
      model: name,
      createdSeconds: this.#nowSeconds(),
      id: (request.kind === 'chat' ? 'chatcmpl-' : 'cmpl-') + this.#requestId(exchange),
      systemFingerprint: this.#fingerprint,
    };
    if (response.destroyed) return;
    Generation.start(this.#context, { request, head, lora, response });
    this.#load++;
    response.on('close', () => {
      this.#load--;
    });
  }

  /** The client's id, or a new one; repeated in the answer's headers if so configured. */
  #requestId({ request, response }: Exchange): string {
    const given = request.headers['x-request-id'];
    const id = typeof given === 'string' && given !== '' ? given : randomBytes(8).toString('hex');
    if (this.#options.requestIdHeaders) response.setHeader('x-request-id', id);
    return id;
  }

  async #embed(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    const { name } = this.#models.resolve(body.string('model'));
    const failure = drawFailure(this.#admin.failures, this.#failureDice, name);
    if (failure !== undefined) throw failure;
    const answer = embeddingsBody(body, {
      ...{
        id: `embd-${this.#requestId(exchange)}`,
        createdSeconds: this.#nowSeconds(),
        model: name,
      },
      defaultDimensions: this.#options.embeddingDimensions,
    });
    sendJson(exchange.response, 200, answer);
  }

  async #tokenize(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    this.#models.resolve(body.string('model'));
    const addGenerationPrompt = body.boolean('add_generation_prompt') ?? true;
    const prompt = body.string('prompt');
    const tokens =
      prompt === undefined
        ? renderChat(readMessages(body), { addGenerationPrompt })
        : tokenize(prompt);
    const strings = body.boolean('return_token_strs') === true;
    const answer = {
      ...{
        count: tokens.length,
        max_model_len: this.engine.config.maxModelLen,
        tokens: [...tokens],
      },
      token_strs: strings ? [...tokens].map((token) => detokenize(Uint32Array.of(token))) : null,
    };
    sendJson(exchange.response, 200, JSON.stringify(answer));
  }

  async #detokenize(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    this.#models.resolve(body.string('model'));
    const tokens = body.array('tokens');
    if (tokens === undefined) throw body.missing('tokens');
    const ids = tokens.filter((id): id is number => typeof id === 'number' && id >>> 0 === id);
    if (ids.length < tokens.length) {
      throw body.fault('tokens', 'int_type', 'Input should be a valid integer');
    }
    sendJson(exchange.response, 200, JSON.stringify({ prompt: detokenize(Uint32Array.from(ids)) }));
  }

  async #loadLora(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    const name = body.string('lora_name');
    const path = body.string('lora_path');
    if (name === undefined) throw body.missing('lora_name');
    if (path === undefined) throw body.missing('lora_path');
    this.#models.load({ name, path });
    send(exchange.response, 200, { body: `Success: LoRA adapter '${name}' added successfully.` });
  }

  async #unloadLora(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    const name = body.string('lora_name');
    if (name === undefined) throw body.missing('lora_name');
    this.#models.unload(name);
    send(exchange.response, 200, { body: `Success: LoRA adapter '${name}' removed successfully.` });
  }

  async #configure(exchange: Exchange): Promise<void> {
    let value: unknown;
    try {
      value = JSON.parse((await exchange.readBody()).toString());
    } catch (error) {
      throw error instanceof ApiError ? error : new ApiError(400, 'The body is not JSON.');
    }
    this.#admin.change(value);
    sendJson(exchange.response, 200, JSON.stringify(this.#admin.show()));
  }

  #sendMetrics({ request, response }: Exchange): void {
    const contentType = 'text/plain; version=1.0.0; charset=utf-8';
    const [, query] = (request.url ?? '').split('?', 2);
    const names = new URLSearchParams(query).getAll('name[]');
    send(response, 200, { body: narrowTo(names, this.#metrics.expose()), contentType });
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock.epochMs() / 1000);
  }
}

/** A handler that answers with what `body` gives. */
function json(body: () => object): Handler {
  return ({ response }) => {
    sendJson(response, 200, JSON.stringify(body()));
  };
}
