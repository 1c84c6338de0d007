// SPDX-License-Identifier: Apache-2.0
import { randomBelow, type Clock, type Random } from '@llm-d/determinism';
import type { ApiKind } from '@llm-d/inference-api';
import type { Telemetry } from '@llm-d/telemetry';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { readRequestBody } from '../body/request-body.ts';
import { stripTransferFields } from '../body/strip-transfer-fields.ts';
import type { ConnectorName } from '../connectors/connector.ts';
import type { AllowList } from '../routing/allow-list.ts';
import { readRoutingHeaders, type RoutingHeaders } from '../routing/routing-headers.ts';
import { hostPortOf, type Target } from '../routing/target.ts';
import { deniedTargets, inFlight, requests, strippedRequests } from '../sidecar-metrics.ts';
import { answerError, answerForbidden, answerText } from './answer.ts';
import { decodeErrorOf } from './decode-server.ts';
import type { Disaggregation } from './disaggregation.ts';
import type { Inbound, RequestRecord } from './inbound.ts';
import { legHeaders, passedHeaders } from './passed-headers.ts';
import { readBody } from './read-body.ts';
import { relay } from './relay.ts';
import { passUpgrade } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

export interface SidecarProxyOptions {
  readonly connector: ConnectorName;
  readonly disaggregation: Disaggregation;
  readonly allowList: AllowList;
  /** To the decode server. */
  readonly upstream: Upstream;
  readonly modelServerPort: number;
  /** Of rank 0, as endpoint pickers name it. */
  readonly basePort: number;
  readonly dataParallelSize: number;
  /** Undefined where it is not known. */
  readonly podIp: string | undefined;
  /** Whether engines can pull prefixes from each other. */
  readonly pullsFromPeers: boolean;
  readonly samplesPrefillers: boolean;
  readonly maxBodyBytes: number;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly telemetry: Telemetry;
}

/** Everything that comes in. */
export interface SidecarProxy {
  /** Takes over a request for a data-parallel rank; never throws and never leaves it unanswered. */
  handle(rank: number, request: IncomingMessage, response: ServerResponse): void;
  /** Takes over a connection that wants to speak WebSocket. */
  upgrade(rank: number, request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly inFlight: number;
}

/** A request whose body has not been read. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly rank: number;
  readonly signal: AbortSignal;
}

/** Paths whose requests a prefiller may help with. */
const INFERENCE: Readonly<Record<string, ApiKind>> = {
  '/v1/chat/completions': 'chat-completions',
  '/v1/completions': 'completions',
  '/v1/messages': 'messages',
  '/v1/responses': 'responses',
  '/inference/v1/generate': 'vllm-generate',
};

/** Serves inference requests by two servers where a header asks for it, and passes everything else to the decode server. */
export function createSidecarProxy(options: SidecarProxyOptions): SidecarProxy {
  const { allowList, disaggregation, upstream, telemetry, clock, newId } = options;
  const { logger, metrics, tracer } = telemetry;
  const gauge = metrics.gauge(inFlight, {});
  const stripped = metrics.counter(strippedRequests, {});
  let running = 0;

  const apiOf = (method: string, bare: string): ApiKind | undefined => {
    if (method !== 'POST') return undefined;
    if (bare === '/generate' && options.connector === 'sglang') return 'sglang-generate';
    return Object.hasOwn(INFERENCE, bare) ? INFERENCE[bare] : undefined;
  };

  const decodePool = (rank: number) =>
    upstream.poolOf(hostPortOf('localhost', options.modelServerPort + rank));

  const receive = async (arrival: Arrival): Promise<void> => {
    const { request, response, path } = arrival;
    const method = request.method ?? 'GET';
    const bare = pathOf(path);
    if (method === 'GET' && bare === '/health') {
      const { notReady } = allowList;
      if (notReady === undefined) response.writeHead(200, { 'content-length': '0' }).end();
      else answerText(response, 503, `${notReady}\n`);
      return;
    }
    const api = apiOf(method, bare);
    if (api === undefined && !(method === 'POST' && mayBeJson(request))) {
      await pass(arrival, hasBody(request) ? request : null);
      return;
    }
    const body = await readBody(request, options.maxBodyBytes);
    if (body.kind === 'gone') return;
    if (body.kind === 'too-large') {
      const message = `the body has more than ${options.maxBodyBytes} bytes`;
      answerError(response, 'PayloadTooLarge', message);
      return;
    }
    await serveBody(arrival, api, body.bytes);
  };

  const serveBody = async (arrival: Arrival, api: ApiKind | undefined, bytes: Buffer) => {
    const { response } = arrival;
    if (api === undefined && bytes.length === 0) {
      await pass(arrival, null);
      return;
    }
    const read = readRequestBody(bytes);
    // An engine may take for JSON what is none here, such as UTF-16, and find in it what no client may say.
    if (read.kind === 'invalid') {
      answerError(response, 'BadRequestError', `the body is not JSON: ${read.message}`);
      return;
    }
    if (read.kind === 'other') {
      if (api === undefined) await pass(arrival, bytes);
      else answerError(response, 'BadRequestError', 'the body is no JSON object');
      return;
    }
    const clean = stripTransferFields(read.body);
    if (clean.stripped) stripped.inc();
    if (api === undefined) await pass(arrival, clean.body.bytes);
    else await infer(arrival, { api, body: clean.body });
  };

  /** Hands a request on to the decode server, whatever it is. */
  const pass = async (
    { request, response, path, rank, signal }: Arrival,
    body: Buffer | IncomingMessage | null,
  ): Promise<void> => {
    const passed = passedHeaders(request.rawHeaders, request.headers.connection);
    const headers = legHeaders(passed, {}, { isRead: false });
    const length = request.headers['content-length'];
    // A body that is streamed has the length that the client announced; of others undici knows it.
    if (body === request && length !== undefined) headers.push('content-length', length);
    const outcome = await relay({
      ...{ pool: decodePool(rank), method: request.method ?? 'GET', path, headers, body },
      ...{ response, signal, clock },
      responseTimeoutMs: options.responseTimeoutMs,
      idleTimeoutMs: options.idleTimeoutMs,
    }).outcome;
    if (outcome.kind !== 'failed' && outcome.kind !== 'broken') return;
    logger.warn('decode server failed a request', { path: pathOf(path), failure: outcome.failure });
    const { type, message } = decodeErrorOf(outcome.failure);
    answerError(response, type, message);
  };

  const infer = async (
    { request, response, path, rank, signal }: Arrival,
    { api, body }: Pick<Inbound, 'api' | 'body'>,
  ): Promise<void> => {
    const routing = readRoutingHeaders(request.rawHeaders);
    const id = String(request.headers['x-request-id'] ?? newId());
    const record: RequestRecord = { route: 'undecided', reason: '', tried: [], end: '' };
    const span = tracer.start('forward_request', traceContext(request));
    const inbound: Inbound = {
      ...{ id, api, body, path, response, signal, span, record },
      passed: passedHeaders(request.rawHeaders, request.headers.connection),
      kvCacheSource: kvCacheSourceOf(routing, rank),
      decodePool: decodePool(rankOf(routing, rank) ?? rank),
    };
    const startedMs = clock.nowMs();
    try {
      if (rankOf(routing, rank) === undefined) {
        record.route = 'refused';
        record.reason = 'unknown data-parallel rank';
        const message = `${routing.dataParallel ?? ''} is no data-parallel rank of this server`;
        answerError(response, 'BadRequestError', message);
      } else {
        await route(inbound, routing);
      }
    } finally {
      metrics.counter(requests, { api, route: record.route }).inc();
      span.set({
        'llm_d.pd_proxy.connector': options.connector,
        'llm_d.pd_proxy.kv_connector': options.connector,
        'llm_d.pd_proxy.request_id': id,
        'llm_d.pd_proxy.disaggregation_used': record.route === 'prefill-decode',
        'llm_d.pd_proxy.reason': record.reason,
        'llm_d.pd_proxy.prefill_candidates': routing.prefillers.length,
        'llm_d.pd_proxy.total_duration_ms': clock.nowMs() - startedMs,
      });
      span.end();
      const ms = Math.round(clock.nowMs() - startedMs);
      logger.debug('request', { requestId: id, api, rank, ...record, ms });
    }
  };

  const route = async (inbound: Inbound, routing: RoutingHeaders): Promise<void> => {
    const { record, response } = inbound;
    const allowed = ordered(routing.prefillers.filter((target) => mayAsk(target, inbound)));
    const [first, ...others] = allowed;
    if (first !== undefined) {
      record.route = 'prefill-decode';
      record.reason = `${allowed.length} of ${routing.prefillers.length} prefillers may be asked`;
      await disaggregation.serve(inbound, [first, ...others]);
    } else if (routing.prefillers.length > 0) {
      record.route = 'refused';
      record.reason = allowList.notReady ?? 'no prefiller that was named may be asked';
      answerForbidden(response);
    } else if (routing.malformed.length > 0) {
      record.route = 'refused';
      record.reason = 'the header of the prefiller names none';
      answerError(response, 'BadGateway', 'x-prefiller-host-port names no host:port');
    } else {
      record.route = 'decode';
      record.reason = 'no prefiller was named';
      await disaggregation.serveAlone(inbound);
    }
  };

  const mayAsk = (target: Target, { id, path }: Inbound): boolean => {
    if (allowList.allows(target)) return true;
    metrics.counter(deniedTargets, { role: 'prefill' }).inc();
    const { hostPort } = target;
    logger.warn('prefiller is not allowed', {
      requestId: id,
      target: hostPort,
      path: pathOf(path),
    });
    return false;
  };

  /** Beginning with a random one, where options say so. */
  const ordered = (targets: readonly Target[]): readonly Target[] => {
    if (!options.samplesPrefillers || targets.length < 2) return targets;
    const start = randomBelow(options.random, targets.length);
    return [...targets.slice(start), ...targets.slice(0, start)];
  };

  const kvCacheSourceOf = ({ kvCacheSource }: RoutingHeaders, rank: number): Target | undefined => {
    if (kvCacheSource === undefined || !options.pullsFromPeers) return undefined;
    const self = hostPortOf(options.podIp ?? '', options.basePort + rank);
    if (kvCacheSource.hostPort === self) return undefined;
    if (allowList.allows(kvCacheSource)) return kvCacheSource;
    metrics.counter(deniedTargets, { role: 'kv-source' }).inc();
    logger.warn('source of a cache is not allowed', { target: kvCacheSource.hostPort });
    return undefined;
  };

  /** The rank that is to serve; undefined where a header names one that there is not. */
  const rankOf = ({ dataParallel }: RoutingHeaders, rank: number): number | undefined => {
    if (dataParallel === undefined || options.dataParallelSize === 1) return rank;
    const { podIp = '', basePort, dataParallelSize } = options;
    for (let named = 0; named < dataParallelSize; named++) {
      if (dataParallel === hostPortOf(podIp, basePort + named)) return named;
    }
    return undefined;
  };

  return {
    get inFlight() {
      return running;
    },
    upgrade: (rank, request, socket, head) => {
      gauge.set(++running);
      const { idleTimeoutMs } = options;
      void passUpgrade({ pool: decodePool(rank), request, socket, head, idleTimeoutMs }).finally(
        () => {
          gauge.set(--running);
        },
      );
    },
    handle: (rank, request, response) => {
      gauge.set(++running);
      const client = new AbortController();
      const gone = (): void => {
        // It closes after a whole answer as well; an abort that nobody needs is 5 % of a request.
        if (!response.writableEnded) client.abort();
      };
      response.on('close', gone);
      const arrival = { request, response, path: request.url ?? '/', rank, signal: client.signal };
      receive(arrival)
        .catch((error: unknown) => {
          logger.error('request failed inside the sidecar', { error });
          if (response.headersSent) response.destroy();
          answerError(response, 'InternalServerError', 'the sidecar failed to handle the request');
        })
        .finally(() => {
          gauge.set(--running);
          response.off('close', gone);
        });
    },
  };
}

function pathOf(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Whether an engine might read the body as JSON. */
function mayBeJson({ headers }: IncomingMessage): boolean {
  const type = headers['content-type'];
  return type === undefined || type.toLowerCase().includes('json');
}

function traceContext({ headers }: IncomingMessage): Record<string, string> {
  const context: Record<string, string> = {};
  for (const name of ['traceparent', 'tracestate', 'baggage']) {
    const value = headers[name];
    if (typeof value === 'string') context[name] = value;
  }
  return context;
}
