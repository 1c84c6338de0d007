// SPDX-License-Identifier: Apache-2.0
import { VirtualClock, createRandom } from '@llm-d/determinism';
import {
  createConditionalDecode,
  createEndpointPicker,
  createFleet,
  createPickerRegistry,
  createRequestPolicies,
  createRequestRoutes,
  createRewriteCounter,
  endpointPickerMetrics,
  type PolicySources,
} from '@llm-d/endpoint-picker';
import type { Status, StreamClose } from '@llm-d/grpc-server';
import {
  processingRequest,
  processingResponse,
  type BodyPhase,
  type HeaderMutation,
  type ProcessingRequestInit,
  type ProcessingResponse,
  type StreamedBodyResponse,
  type StructInit,
} from '@llm-d/protos';
import {
  instantiatePlugins,
  loadConfig,
  type AnyPluginDefinition,
  type Endpoint,
  type EngineMetrics,
} from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry, type MetricDefinition } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import type { SessionStream } from './outflow.ts';
import { createDebugGate } from './debug-header.ts';
import { Session } from './session.ts';
import type { SessionContext, SessionSettings } from './session-context.ts';

/** A model server of a scene: its address and what its metrics say. */
export interface Server extends Partial<EngineMetrics> {
  readonly hostPort: string;
}

export interface SceneOptions {
  /** Default two idle ones, 192.168.1.1:8000 and 192.168.1.2:8000. */
  readonly servers?: readonly Server[];
  /** EndpointPickerConfig; default the built-in one. */
  readonly config?: string;
  readonly plugins?: readonly AnyPluginDefinition[];
  readonly settings?: Partial<SessionSettings>;
  readonly policies?: PolicySources;
}

/** llm-d's choices. */
export const defaultSettings: SessionSettings = {
  maxBodyBytes: 1024 * 1024,
  errorFormat: 'text',
  responseProcessing: 'full',
  destinationFallbacks: false,
  emitEndpointScores: false,
  honoursSubset: true,
  repeatsHeaders: false,
  forwardsTransferParams: false,
  honouredHeaders: new Set(),
};

const twoServers: readonly Server[] = [
  { hostPort: '192.168.1.1:8000' },
  { hostPort: '192.168.1.2:8000' },
];

/** Sessions with a real endpoint picker behind them and nobody's socket before them. */
export function createScene(options: SceneOptions = {}) {
  const clock = new VirtualClock({ epochMs: 1_000_000 });
  const logger = recordingLogger();
  const metrics = recordingMetrics();
  const telemetry = { ...noopTelemetry, logger, metrics };
  const random = createRandom(1);
  const fleet = createFleet();
  const servers = options.servers ?? twoServers;
  fleet.reconcile(servers.map(identityOf));
  for (const { hostPort, ...known } of servers) {
    const { id } = identityOf({ hostPort });
    const idle = { ...makeEndpoint('idle').metrics, updatedAtMs: 0 };
    fleet.measure(id)?.complete({ ...idle, ...known });
  }
  const registry = createPickerRegistry(options.plugins);
  const config = loadConfig(options.config, { registry, source: 'test', allowExperimental: true });
  const plugins = instantiatePlugins(config, registry, { random, telemetry });
  const picker = createEndpointPicker({ fleet, plugins, clock, telemetry });
  let ids = 0;
  const context: SessionContext = {
    picker,
    policies: createRequestPolicies(options.policies),
    routeOf: createRequestRoutes(config.parsers),
    conditionalDecode: createConditionalDecode(config.producers),
    countRewrite: createRewriteCounter(metrics),
    settings: { ...defaultSettings, ...options.settings },
    clock,
    random,
    logger,
    mayDebug: createDebugGate('open sesame'),
    newId: () => `generated-${++ids}`,
  };
  return { clock, logger, metrics, fleet, picker, context, open: () => new Peer(context) };
}

export type Scene = ReturnType<typeof createScene>;

const identityOf = ({ hostPort }: Pick<Server, 'hostPort'>): Endpoint => {
  const at = hostPort.lastIndexOf(':');
  const address = hostPort.slice(0, at).replace(/^\[|\]$/g, '');
  return { ...makeEndpoint(hostPort), address, port: Number(hostPort.slice(at + 1)), hostPort };
};

/** The proxy's side of one stream: says messages and keeps what comes back. */
export class Peer implements SessionStream {
  readonly session: Session;
  readonly replies: ProcessingResponse[] = [];
  ended: { readonly status: Status; readonly message: string | undefined } | undefined;
  paused = false;
  /** Messages that are taken before `send` says that they wait; undefined for any number. */
  room: number | undefined;

  constructor(context: SessionContext) {
    this.session = new Session(this, context);
  }

  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    if (this.ended !== undefined) return false;
    const bytes = message instanceof Uint8Array ? message : Buffer.concat(message);
    this.replies.push(processingResponse.decode(Buffer.from(bytes)));
    if (this.room === undefined) return true;
    this.room--;
    return this.room > 0;
  }

  end(status: Status, message?: string): void {
    this.ended ??= { status, message };
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** Says something, and lets everything happen that follows from it. */
  async say(...messages: readonly ProcessingRequestInit[]): Promise<this> {
    for (const message of messages) this.session.onMessage(processingRequest.encode(message));
    return this.settle();
  }

  async settle(): Promise<this> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    return this;
  }

  close(reason: StreamClose['reason'] = 'reset'): void {
    this.session.onClose({ reason });
  }

  /** Headers that the answer to the request's head sets, names in lower case. */
  get requestHeaders(): Readonly<Record<string, string>> {
    return headersOf(this.replies.find((reply) => reply.requestHeaders)?.requestHeaders?.response);
  }

  /** Headers of that answer that are taken away. */
  get removedHeaders(): readonly string[] {
    const reply = this.replies.find(({ requestHeaders }) => requestHeaders !== null);
    return reply?.requestHeaders?.response?.headerMutation?.removeHeaders ?? [];
  }

  get responseHeaders(): Readonly<Record<string, string>> {
    return headersOf(
      this.replies.find((reply) => reply.responseHeaders)?.responseHeaders?.response,
    );
  }

  /** Chunks of a body that came back. */
  chunks(phase: BodyPhase): readonly { readonly text: string; readonly eos: boolean }[] {
    return this.#streamed(phase).map(({ body, endOfStream }) => ({
      text: Buffer.from(body).toString(),
      eos: endOfStream,
    }));
  }

  /** The body that came back, whole. */
  body(phase: BodyPhase): string {
    return Buffer.concat(this.#streamed(phase).map(({ body }) => body)).toString();
  }

  #streamed(phase: BodyPhase): readonly StreamedBodyResponse[] {
    return this.replies.flatMap(
      (reply) => reply[phase]?.response?.bodyMutation?.streamedResponse ?? [],
    );
  }

  /** What the proxy is to answer by itself. */
  get immediate() {
    const reply = this.replies.find(({ immediateResponse }) => immediateResponse !== null);
    const immediate = reply?.immediateResponse;
    if (immediate === undefined || immediate === null) return undefined;
    return {
      status: immediate.status?.code,
      body: Buffer.from(immediate.body).toString(),
      headers: headersOf(immediate),
    };
  }
}

function headersOf(
  message:
    | { readonly headerMutation?: HeaderMutation | null; readonly headers?: HeaderMutation | null }
    | null
    | undefined,
): Record<string, string> {
  const mutation = message?.headerMutation ?? message?.headers;
  const entries = (mutation?.setHeaders ?? []).map(({ header }) => [
    header?.key.toLowerCase() ?? '',
    Buffer.from(header?.rawValue ?? []).toString(),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Headers as a proxy sends them. */
export const headerMap = (headers: Readonly<Record<string, string>>) => ({
  headers: Object.entries(headers).map(([key, value]) => ({ key, rawValue: Buffer.from(value) })),
});

const usualHeaders = {
  ':method': 'POST',
  ':path': '/v1/chat/completions',
  'content-type': 'application/json',
  'x-request-id': 'r1',
};

export const requestHead = (
  headers: Readonly<Record<string, string>> = {},
  { endOfStream = false }: { readonly endOfStream?: boolean } = {},
): ProcessingRequestInit => ({
  requestHeaders: { headers: headerMap({ ...usualHeaders, ...headers }), endOfStream },
});

export const requestBody = (
  body: string | Uint8Array,
  { endOfStream = true }: { readonly endOfStream?: boolean } = {},
): ProcessingRequestInit => ({ requestBody: { body: Buffer.from(body), endOfStream } });

export const responseHead = (
  headers: Readonly<Record<string, string>> = {},
  { endOfStream = false }: { readonly endOfStream?: boolean } = {},
): ProcessingRequestInit => ({
  responseHeaders: {
    headers: headerMap({ ':status': '200', 'content-type': 'application/json', ...headers }),
    endOfStream,
  },
});

export const responseBody = (
  body: string | Uint8Array,
  { endOfStream = false }: { readonly endOfStream?: boolean } = {},
): ProcessingRequestInit => ({ responseBody: { body: Buffer.from(body), endOfStream } });

/** A message with the endpoints that its request may go to. */
export const withSubset = (
  message: ProcessingRequestInit,
  hint: readonly string[] | string,
): ProcessingRequestInit => ({
  ...message,
  metadataContext: { filterMetadata: { 'envoy.lb.subset_hint': subsetStruct(hint) } },
});

const subsetStruct = (hint: readonly string[] | string): StructInit => ({
  fields: {
    'x-gateway-destination-endpoint-subset':
      typeof hint === 'string'
        ? { stringValue: hint }
        : { listValue: { values: hint.map((stringValue) => ({ stringValue })) } },
  },
});

/** A metric of the endpoint picker by its name. */
export function metricNamed(name: string): MetricDefinition {
  const metric = endpointPickerMetrics.find((candidate) => candidate.name === name);
  if (metric === undefined) throw new Error(`there is no metric ${name}`);
  return metric;
}

/** Labels of what is counted for requests without any claims. */
export const labelsOf = (model: string, target = model) => ({
  model_name: model,
  target_model_name: target,
  fairness_id: 'default-flow',
  priority: '0',
});

/** A chat request's body. */
export const chatBody = (members: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    model: 'test-model',
    messages: [{ role: 'user', content: 'Hello' }],
    ...members,
  });

/** A whole answer's body. */
export const answerBody = (model = 'test-model'): string =>
  JSON.stringify({
    id: 'chatcmpl-1',
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: `"model":"${model}"` } }],
    usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
  });
