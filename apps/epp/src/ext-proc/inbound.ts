// SPDX-License-Identifier: Apache-2.0
import {
  controlHeader,
  createBodyIntake,
  eligibilityOf,
  isPlatformHeader,
  prefersCached,
  resolveModel,
  schedulingRequestOf,
  type BodyIntake,
  type PickOptions,
  type RequestRoute,
} from '@llm-d/endpoint-picker';
import {
  apiError,
  byteLengthOf,
  changeBody,
  type ApiError,
  type ApiKind,
  type ParsedRequest,
} from '@llm-d/inference-api';
import type { Metadata, ProxyMessage } from '@llm-d/protos';
import type { SchedulingRequest } from '@llm-d/scheduler-core';
import { debugRequestHeader } from './debug-header.ts';
import { subsetHintOf } from './envoy-metadata.ts';
import { readHeaders } from './header-map.ts';
import type { SessionContext } from './session-context.ts';

/** A request that is complete and understood. */
export interface ReadyRequest {
  readonly kind: 'ready';
  readonly scheduling: SchedulingRequest;
  /** What goes upstream, undefined for a request without a body. */
  readonly body: readonly Uint8Array[] | undefined;
  readonly bodyBytes: number;
  /** Trailers follow the body, so that no chunk of it is the last of the stream. */
  readonly hasTrailers: boolean;
  readonly limits: Pick<PickOptions, 'eligible' | 'precondition'>;
}

/** A request that must be answered with an error. */
export interface BadRequest {
  readonly kind: 'bad';
  readonly error: ApiError;
}

/** A request on its way in: its head, and as much of its body as has come. */
export class Inbound {
  readonly id: string;
  /** Set where the client sent no id. */
  readonly hasOwnId: boolean;
  readonly arrivedMs: number;
  /** What the client is believed. */
  readonly headers: ReadonlyMap<string, string>;
  /** The client knows the secret and wants to be told of the decision. */
  readonly wantsDecision: boolean;
  /** Names of headers that the client must not send and did. */
  readonly forged: readonly string[];
  readonly route: RequestRoute;
  readonly #context: SessionContext;
  readonly #intake: BodyIntake;
  #subset: string | readonly string[] | undefined;

  constructor(message: Pick<ProxyMessage, 'headers'>, context: SessionContext) {
    const headers = readHeaders(message.headers);
    const { honouredHeaders, maxBodyBytes } = context.settings;
    this.#context = context;
    this.arrivedMs = context.clock.nowMs();
    this.wantsDecision = context.mayDebug(headers.get(debugRequestHeader));
    this.forged = takeForged(headers, honouredHeaders);
    const id = headers.get('x-request-id') ?? '';
    this.hasOwnId = id === '';
    this.id = this.hasOwnId ? context.newId() : id;
    this.headers = headers;
    this.route = context.routeOf(headers.get(':path') ?? '');
    const expectedBytes = Number(headers.get('content-length') ?? 0) || 0;
    this.#intake = createBodyIntake({ api: this.api, maxBytes: maxBodyBytes, expectedBytes });
  }

  /** The API that the path names. */
  get api(): ApiKind | undefined {
    return this.route.kind === 'api' ? this.route.api : undefined;
  }

  /** Whatever message brings a subset hint: the last one counts. */
  heed(metadata: Metadata | null): void {
    this.#subset = subsetHintOf(metadata) ?? this.#subset;
  }

  /** Takes the next bytes of the body; returns what is wrong with it as soon as that is known. */
  push(chunk: Uint8Array): ApiError | undefined {
    if (chunk.length > 0) this.#intake.push(chunk);
    return this.#intake.error;
  }

  /** The body is complete. */
  complete({ hasTrailers }: { readonly hasTrailers: boolean }): ReadyRequest | BadRequest {
    if (this.route.kind === 'none') {
      return { kind: 'bad', error: apiError('invalid_value', `no parser reads ${this.#path}`) };
    }
    const result = this.#intake.end();
    if (!result.ok) return { kind: 'bad', error: result.error };
    const { chunks } = this.#intake;
    return result.request === undefined
      ? this.#unread(chunks, hasTrailers)
      : this.#read(result.request, chunks, hasTrailers);
  }

  /** The request has no body. */
  withoutBody(): ReadyRequest {
    return { ...this.#unread([], false), body: undefined };
  }

  get #path(): string {
    const path = this.headers.get(':path') ?? '';
    return path.split('?', 1)[0] ?? path;
  }

  get #limits(): ReadyRequest['limits'] {
    const { settings, conditionalDecode } = this.#context;
    return {
      eligible:
        this.#subset !== undefined && settings.honoursSubset
          ? eligibilityOf(this.#subset)
          : undefined,
      precondition: prefersCached(this.headers) ? conditionalDecode : undefined,
    };
  }

  /** What headers say about a request, whatever its body is. */
  get #claims() {
    const { headers, id } = this;
    const objective = controlHeader(headers, 'objective');
    return {
      id,
      headers,
      priority: this.#context.policies.current().priorityOf(objective),
      fairnessId: controlHeader(headers, 'fairness-id') || undefined,
    };
  }

  #unread(body: readonly Uint8Array[], hasTrailers: boolean): ReadyRequest {
    const targetModel = controlHeader(this.headers, 'model') ?? '';
    const bodyBytes = byteLengthOf(body);
    const scheduling = schedulingRequestOf({
      ...this.#claims,
      parsed: undefined,
      chunks: body,
      bodyBytes,
      targetModel,
    });
    return { kind: 'ready', scheduling, body, bodyBytes, hasTrailers, limits: this.#limits };
  }

  #read(
    parsed: ParsedRequest,
    chunks: readonly Uint8Array[],
    hasTrailers: boolean,
  ): ReadyRequest | BadRequest {
    const resolution = this.#resolve(parsed);
    if (resolution === undefined) {
      const message = 'model not found in request body';
      return { kind: 'bad', error: apiError('missing_required_parameter', message, 'model') };
    }
    const { model, targetModel } = resolution;
    const changed = changeBody(chunks, parsed, {
      ...(targetModel !== model && { model: targetModel }),
      // The cache hand-over of engines must not be steered from outside: a forged one can stop a decode server.
      stripTransferParams: !this.#context.settings.forwardsTransferParams,
    });
    const scheduling = schedulingRequestOf({
      ...this.#claims,
      parsed,
      chunks,
      bodyBytes: parsed.bodyBytes,
      keepsBody: this.#context.picker.readsBodies,
      model,
      targetModel,
    });
    return {
      kind: 'ready',
      scheduling,
      body: changed.chunks,
      bodyBytes: changed.contentLength,
      hasTrailers,
      limits: this.#limits,
    };
  }

  #resolve(parsed: ParsedRequest) {
    const body = parsed.model;
    if (this.route.kind === 'api' && !this.route.hasModel) {
      return { model: body ?? '', targetModel: body ?? '' };
    }
    const { policies, random, countRewrite } = this.#context;
    const header = controlHeader(this.headers, 'model');
    const resolution = resolveModel({ body, header }, { policies: policies.current(), random });
    if (resolution !== undefined) countRewrite(resolution);
    return resolution;
  }
}

/** Removes what a client must not say, and returns the names. */
function takeForged(
  headers: Map<string, string>,
  honoured: ReadonlySet<string>,
): readonly string[] {
  let forged: string[] | undefined;
  for (const name of headers.keys()) {
    if (!isPlatformHeader(name) || honoured.has(name)) continue;
    (forged ??= []).push(name);
    headers.delete(name);
  }
  return forged ?? NONE;
}

const NONE: readonly string[] = [];
