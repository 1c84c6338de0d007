// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  evicted,
  schedulingRequestOf,
  type EndpointPicker,
  type Picked,
  type Refusal,
} from '@llm-d/endpoint-picker';
import {
  apiError,
  apiOfPath,
  createResponseObserver,
  removeSpans,
  type ApiError,
  type ApiKind,
} from '@llm-d/inference-api';
import type { Endpoint, SchedulingRequest } from '@llm-d/scheduler-core';
import type { Logger } from '@llm-d/telemetry';
import type { FrontRequest, FrontResponse } from '../front/listener.ts';
import type { ModelCatalog } from '../models/model-catalog.ts';
import { answerError, errorOfRefusal } from './error-answer.ts';
import { forward, type ForwardOutcome, type UpstreamFailure } from './forward.ts';
import { trustedHeaders } from './forwarded-headers.ts';
import { discardBody, readBody } from './request-body.ts';
import type { Upstream } from './upstream.ts';

export interface InferenceProxyOptions {
  readonly picker: EndpointPicker;
  readonly catalog: ModelCatalog;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A fresh request id. */
  readonly newId: () => string;
  readonly maxBodyBytes: number;
  readonly maxInFlight: number;
  readonly maxAttempts: number;
  /** Longest pause within an answer, by the server or by the client. */
  readonly idleTimeoutMs: number;
}

/** Places inference requests and carries them to their servers and back. */
export interface InferenceProxy {
  /** Takes over a request; never throws and never leaves it unanswered. */
  handle(request: FrontRequest, response: FrontResponse): void;
  readonly inFlight: number;
}

/** A client's request, read and understood. */
interface Inbound {
  readonly id: string;
  readonly api: ApiKind | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Map<string, string>;
  readonly body: Buffer | null;
  readonly scheduling: SchedulingRequest;
  readonly arrivedMs: number;
  readonly response: FrontResponse;
  readonly signal: AbortSignal;
}

/** How long a server that failed a request is left out, unless a scrape shows earlier that it is well. */
const EJECTION_MS = 2000;

const ALL_FAILED = 'every model server that was tried failed';
/** More servers are known than were tried, and none of them can be reached either. */
const nobodyLeft: Refusal = {
  kind: 'refused',
  status: 503,
  reason: 'rejected-no-endpoints',
  message: ALL_FAILED,
  retryAfterSeconds: 1,
};

/** The proxied path: read, place, forward, and place again while nothing has reached the client. */
export function createInferenceProxy(options: InferenceProxyOptions): InferenceProxy {
  const { picker, catalog, upstream, clock, logger } = options;
  let inFlight = 0;

  const attempt = async (
    inbound: Inbound,
    picked: Picked,
    mayRetry: boolean,
  ): Promise<ForwardOutcome> => {
    const [endpoint] = picked.endpoints;
    const { api, scheduling } = inbound;
    // A further attempt belongs to the trace of the first, also where the client began none.
    const traceparent = picked.upstreamHeaders.get('traceparent');
    if (traceparent !== undefined) inbound.headers.set('traceparent', traceparent);
    const headers: Record<string, string> = {};
    for (const [name, value] of inbound.headers) headers[name] = value;
    for (const [name, value] of picked.upstreamHeaders) headers[name] = value;
    headers['x-request-id'] = inbound.id;
    return forward({
      pool: upstream.poolOf(endpoint),
      method: inbound.method,
      path: inbound.path,
      headers,
      body: inbound.body,
      response: inbound.response,
      signal: inbound.signal,
      exchange: picked.exchange,
      observer:
        api &&
        ((_, answer) =>
          createResponseObserver({ api, streaming: isEventStream(answer, scheduling) })),
      extraHeaders: { 'x-request-id': inbound.id },
      mayRetry,
      clock,
      stallTimeoutMs: options.idleTimeoutMs,
    });
  };

  const failed = (
    endpoint: Endpoint,
    failure: UpstreamFailure,
    { id }: Inbound,
    error: Error,
  ): void => {
    logger.warn('server failed a request', {
      endpoint: endpoint.id,
      failure,
      requestId: id,
      error,
    });
    if (failure === 'unreachable' || failure === 'reset') {
      picker.fleet.eject(endpoint.id, {
        untilMs: clock.nowMs() + EJECTION_MS,
        reason: `request ${failure}`,
      });
    }
  };

  const serve = async (inbound: Inbound): Promise<void> => {
    const exclude = new Set(inbound.scheduling.model === '' ? [] : await serversWithout(inbound));
    for (let number = 1; ; number++) {
      const picked = await picker.pick(inbound.scheduling, {
        arrivedMs: inbound.arrivedMs,
        signal: inbound.signal,
        exclude,
        attempt: number,
      });
      if (picked.kind === 'refused') {
        refuse(inbound, number === 1 ? picked : { ...picked, message: ALL_FAILED });
        return;
      }
      const mayRetry = number < options.maxAttempts;
      const outcome = await attempt(inbound, picked, mayRetry);
      if (outcome.kind === 'broken') failed(picked.endpoints[0], 'reset', inbound, outcome.error);
      if (outcome.kind === 'evicted') refuse(inbound, evicted);
      if (outcome.kind !== 'failed') return;
      failed(picked.endpoints[0], outcome.failure, inbound, outcome.error);
      if (!mayRetry || outcome.failure === 'timeout' || outcome.failure === 'unsendable') {
        const dead = outcome.failure === 'unreachable' || outcome.failure === 'reset';
        if (dead && picker.fleet.healthy(clock.nowMs()).length === 0) refuse(inbound, nobodyLeft);
        else giveUp(inbound, outcome.failure);
        return;
      }
      exclude.add(picked.endpoints[0].id);
    }
  };

  /** Servers known not to serve the model. Throws where no server does. */
  const serversWithout = async ({
    scheduling: { model },
  }: Inbound): Promise<ReadonlySet<string>> => {
    let without = catalog.notServing(model);
    if (without === undefined && picker.fleet.snapshot().length > 0) {
      await catalog.refresh();
      without = catalog.notServing(model);
      if (without === undefined) throw new UnknownModelError(model);
    }
    return without ?? new Set();
  };

  const receive = async (
    request: FrontRequest,
    response: FrontResponse,
    signal: AbortSignal,
  ): Promise<void> => {
    const arrivedMs = clock.nowMs();
    const path = request.url ?? '/';
    const method = request.method ?? 'GET';
    const api = method === 'POST' ? apiOfPath(path) : undefined;
    const cut = () => {
      response.destroy();
    };
    const body = await readBody(request, { api, maxBytes: options.maxBodyBytes, cut });
    if (body.kind === 'gone') return;
    if (body.kind === 'bad') {
      answerError(response, body.error, { api });
      return;
    }
    const { parsed } = body;
    if (api !== undefined && parsed?.model === undefined) {
      answerError(
        response,
        apiError('missing_required_parameter', 'the request names no model', 'model'),
        { api },
      );
      return;
    }
    const headers = trustedHeaders(request.headers);
    const id = headers.get('x-request-id') ?? options.newId();
    // The cache hand-over of engines must not be steered from outside: a forged one can stop a decode server.
    const chunks =
      parsed === undefined ? body.chunks : removeSpans(body.chunks, parsed.kvTransferParamSpans);
    const whole = join(chunks);
    const scheduling = schedulingRequestOf({
      id,
      parsed,
      chunks: body.chunks,
      keepsBody: picker.readsBodies,
      headers,
      bodyBytes: whole?.length ?? 0,
    });
    await serve({
      id,
      api,
      method,
      path,
      headers,
      body: whole,
      scheduling,
      arrivedMs,
      response,
      signal,
    });
  };

  return {
    get inFlight() {
      return inFlight;
    },
    handle: (request, response) => {
      if (inFlight >= options.maxInFlight) {
        const cut = () => {
          response.destroy();
        };
        discardBody(request, { maxBytes: options.maxBodyBytes, cut });
        const error = apiError(
          'service_unavailable',
          `more than ${options.maxInFlight} requests are in flight`,
        );
        answerError(response, error, { headers: { 'retry-after': '1' } });
        return;
      }
      inFlight++;
      const client = new AbortController();
      const gone = () => {
        // It closes after a whole answer as well; an abort that nobody needs is 5 % of a request.
        if (!response.writableEnded) client.abort();
      };
      response.on('close', gone);
      receive(request, response, client.signal)
        .catch((error: unknown) => {
          answerFailure(response, error, logger);
        })
        .finally(() => {
          inFlight--;
          response.off('close', gone);
        });
    },
  };
}

/** No server serves the model that a request names. */
class UnknownModelError extends Error {
  readonly code = 'UNKNOWN_MODEL';
  readonly model: string;
  constructor(model: string) {
    super(`the model \`${model}\` does not exist`);
    this.name = 'UnknownModelError';
    this.model = model;
  }
}

function answerFailure(response: FrontResponse, error: unknown, logger: Logger): void {
  if (error instanceof UnknownModelError) {
    answerError(response, apiError('model_not_found', error.message, 'model'));
    return;
  }
  logger.error('request failed inside the gateway', { error });
  answerError(response, apiError('internal_error', 'the gateway failed to handle the request'));
}

function refuse({ response, api }: Inbound, refusal: Refusal): void {
  const { error, headers } = errorOfRefusal(refusal);
  answerError(response, error, { api, headers });
}

function giveUp({ response, api }: Inbound, failure: UpstreamFailure): void {
  const error = errorOf(failure);
  answerError(response, error, {
    api,
    headers: error.status === 503 ? { 'retry-after': '1' } : {},
  });
}

function errorOf(failure: UpstreamFailure): ApiError {
  switch (failure) {
    case 'timeout':
      return apiError('gateway_timeout', 'the model server did not answer in time');
    case 'overloaded':
      return apiError('service_unavailable', 'every model server that was tried is overloaded');
    case 'unsendable':
      return apiError('invalid_value', 'the path or a header of the request cannot be passed on');
    case 'unreachable':
    case 'reset':
      return apiError('bad_gateway', ALL_FAILED);
  }
}

function isEventStream(
  headers: NodeJS.Dict<string | string[]>,
  request: SchedulingRequest,
): boolean {
  const type = headers['content-type'];
  return typeof type === 'string' ? type.startsWith('text/event-stream') : request.streaming;
}

function join(chunks: readonly Uint8Array[]): Buffer | null {
  const [first] = chunks;
  if (first === undefined) return null;
  if (chunks.length > 1) return Buffer.concat(chunks);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}
