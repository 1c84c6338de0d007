// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import { createRandom, type Clock, type Random } from '@llm-d/determinism';
import {
  createEngine,
  type Engine,
  type OffloadOptions,
  type SharedKvStorage,
} from '@llm-d/engine-sim';
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
  readPrompts,
  type GenerationRequest,
} from './generation-request.ts';
import { Generation, type GenerationContext } from './generation.ts';
import { send, sendJson } from './http-response.ts';
import { createHttpServer, type Exchange, type Handler } from './http-server.ts';
import { JsonBody } from './json-body.ts';
import { cacheReport, prefixReport } from './kv-events/cache-report.ts';
import { topicOf } from './kv-events/endpoint.ts';
import { KvEventPublisher, type KvEventAddress } from './kv-events/kv-event-publisher.ts';
import type { InferenceSimOptions } from './options.ts';
import { renderedBody } from './rendered-prompt.ts';
import { ServedModels } from './served-models.ts';
import { detokenize, tokenize } from './token-text.ts';
import { narrowTo } from './prometheus-text.ts';
import { VllmMetrics } from './vllm-metrics.ts';

/** The vLLM whose surface this is. */
export const VLLM_VERSION = '0.32.0';

/** Keeps the dice of event faults apart from those of answers. */
const FAULT_SEED = 0x6b76;

export interface ReplicaOptions {
  readonly options: InferenceSimOptions;
  /** Number among the engines of this process. */
  readonly index: number;
  /** What all engines of this process share. */
  readonly storage: SharedKvStorage | undefined;
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
  readonly #rank: number;
  readonly #events: KvEventPublisher | undefined;
  /** Requests for inference that have no answer yet. */
  #load = 0;

  constructor({ options, index, storage, clock, telemetry }: ReplicaOptions) {
    this.#options = options;
    this.#clock = clock;
    const random = createRandom(options.seed + index);
    this.#failureDice = createRandom(~(options.seed + index));
    this.#readyAtMs = clock.nowMs() + options.startupDurationMs;
    this.#rank = index % options.dataParallelSize;
    const events =
      options.kvEvents &&
      new KvEventPublisher({
        ...{ events: options.kvEvents, engine: index, rank: this.#rank },
        random: createRandom(FAULT_SEED + options.seed + index),
        ...{ clock, logger: telemetry.logger },
      });
    this.#events = events;
    const unwritten = new Set<Generation>();
    this.engine = createEngine({
      profile: options.profile,
      clock,
      random,
      telemetry,
      config: { ...options.engine, mode: 'random' },
      ...offloadOptions(options, storage),
      ...(events !== undefined && {
        onKvEvents: (changes) => {
          events.publish(changes);
        },
      }),
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
      rank: this.#rank,
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
    const pod = Math.floor(index / options.dataParallelSize);
    this.server = createHttpServer({
      routes: this.#routes(),
      maxBodyBytes: options.maxBodyBytes,
      headers: {
        'x-inference-pod': options.replicas > 1 ? `${options.podName}-${pod}` : options.podName,
        'x-inference-namespace': options.podNamespace,
      },
      gate: (request) => {
        this.#gate(request);
      },
      logger: telemetry.logger,
    });
  }

  /** Begins to publish what the engine serving on this port does, if that is asked for. */
  async openEvents(port: number): Promise<void> {
    const { kvEvents, podIp } = this.#options;
    const convention = podIp === undefined ? '' : topicOf(podIp, port, this.#models.primaryName);
    await this.#events?.open(kvEvents?.topic ?? convention);
  }

  get eventAddress(): KvEventAddress | undefined {
    return this.#events?.address;
  }

  async closeEvents(): Promise<void> {
    await this.#events?.close();
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
      ['POST /v1/chat/completions/render', (exchange) => this.#render(exchange, readChatRequest)],
      ['POST /v1/completions/render', (exchange) => this.#render(exchange, readCompletionRequest)],
      ['POST /v1/embeddings', (exchange) => this.#embed(exchange)],
      ['POST /tokenize', (exchange) => this.#tokenize(exchange)],
      ['POST /detokenize', (exchange) => this.#detokenize(exchange)],
      ['POST /v1/load_lora_adapter', (exchange) => this.#loadLora(exchange)],
      ['POST /v1/unload_lora_adapter', (exchange) => this.#unloadLora(exchange)],
      ...this.#devRoutes(),
      ['GET /debug/kv-cache', json(() => cacheReport(this.engine, this.#rank, this.#events))],
      ['POST /debug/kv-cache', (exchange) => this.#findPrefix(exchange)],
      ['POST /debug/kv-events/restart', (exchange) => this.#restartEvents(exchange)],
      ['GET /admin/config', json(() => this.#admin.show())],
      ['POST /admin/config', (exchange) => this.#configure(exchange)],
    ]);
  }

  /** What vLLM offers in its development mode and with KV events only. */
  #devRoutes(): [string, Handler][] {
    const { devMode, kvEvents } = this.#options;
    const reset: Handler = (exchange) => {
      const query = new URLSearchParams((exchange.request.url ?? '').split('?', 2)[1]);
      const offload = query.get('reset_external') === 'true';
      return json(() => ({ success: this.engine.resetPrefixCache({ offload }) }))(exchange);
    };
    const sources = json(() => ({ [this.#rank]: this.#eventSource() }));
    return [
      ...(devMode ? [['POST /reset_prefix_cache', reset] satisfies [string, Handler]] : []),
      ...(kvEvents ? [['GET /kv_event_sources', sources] satisfies [string, Handler]] : []),
    ];
  }

  /** The resolved `--kv-events-config`. */
  #eventSource(): object {
    const { bufferSteps = 0, hwm = 0, maxQueueSize = 0 } = this.#options.kvEvents ?? {};
    const { endpoint, replayEndpoint, topic } = this.#events?.address ?? {};
    return {
      enable_kv_cache_events: true,
      publisher: 'zmq',
      endpoint,
      replay_endpoint: replayEndpoint ?? null,
      ...{ buffer_steps: bufferSteps, hwm, max_queue_size: maxQueueSize, topic },
    };
  }

  async #findPrefix(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    const { lora } = this.#models.resolve(body.string('model'));
    const [promptTokens = new Uint32Array(0)] = body.has('messages')
      ? [renderChat(readMessages(body), { addGenerationPrompt: true })]
      : readPrompts(body.get('prompt'));
    const media = this.engine.cachedPrefix({
      promptTokens,
      lora,
      cacheSalt: body.string('cache_salt'),
    });
    const wholeBlocks = Math.floor(promptTokens.length / this.engine.config.blockSizeTokens);
    sendJson(exchange.response, 200, JSON.stringify(prefixReport(media, wholeBlocks)));
  }

  /** As if the process had died and come back: the caches are empty, and numbers begin at 0. */
  async #restartEvents(exchange: Exchange): Promise<void> {
    const body = JsonBody.parse(await exchange.readBody());
    if (this.#events === undefined) throw new ApiError(404, 'KV events are not published.');
    const keepsCache = body.boolean('keep_cache') ?? false;
    if (!keepsCache && !this.engine.resetPrefixCache({ offload: true, announce: false })) {
      throw new ApiError(409, 'Requests are running.', { type: 'Conflict' });
    }
    await this.#events.restart();
    sendJson(exchange.response, 200, JSON.stringify({ lives: this.#events.counts().lives }));
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
    const session = exchange.request.headers['x-session-id'];
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
    const sessionId = typeof session === 'string' ? session : body.string('session_id');
    Generation.start(this.#context, { request, head, lora, sessionId, response });
    this.#load++;
    response.on('close', () => {
      this.#load--;
    });
  }

  async #render(exchange: Exchange, read: (body: JsonBody) => GenerationRequest): Promise<void> {
    const request = read(JsonBody.parse(await exchange.readBody()));
    const { name } = this.#models.resolve(request.model);
    const id = (request.kind === 'chat' ? 'chatcmpl-' : 'cmpl-') + this.#requestId(exchange);
    sendJson(exchange.response, 200, renderedBody(request, { id, model: name }));
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

function offloadOptions(
  { offload }: InferenceSimOptions,
  storage: SharedKvStorage | undefined,
): { readonly offload?: OffloadOptions } {
  const { cpuBlocks, kvBytesPerToken, selfDescribingEvents } = offload;
  if (cpuBlocks === 0 && storage === undefined) return {};
  return {
    offload: {
      ...{ kvBytesPerToken, selfDescribingEvents },
      ...(cpuBlocks > 0 && { cpu: { blocks: cpuBlocks } }),
      ...(storage !== undefined && { shared: { storage } }),
    },
  };
}

/** A handler that answers with what `body` gives. */
function json(body: () => object): Handler {
  return ({ response }) => {
    sendJson(response, 200, JSON.stringify(body()));
  };
}
