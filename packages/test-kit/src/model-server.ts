// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { perform, type Script } from './behaviour.ts';

/** A request as a scripted server got it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<NodeJS.Dict<string | string[]>>;
  readonly body: Buffer;
  /** How many requests of its kind came before it. */
  readonly number: number;
  /** Bytes of a huge answer that were handed to the connection so far. */
  bytesWritten: number;
  /** `cut` when its connection ended before the answer did. */
  state: 'running' | 'answered' | 'cut';
}

export interface ModelServerOptions {
  /** What happens to requests other than for `/v1/models`, `/metrics` and `/health`. Default a short answer. */
  readonly script?: Script;
  /** Models that it lists. Default `test-model`. */
  readonly models?: readonly string[];
  /** Waiting and running requests that its metrics show, whatever really happens. Default 0. */
  readonly load?: { readonly waiting: number; readonly running: number };
  /** Default 0: the system chooses. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1; every one of 127.0.0.0/8 is there on Linux. */
  readonly host?: string;
}

/** A model server whose every move is scripted, in this process. */
export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What it got, in order; scrapes and listings of models left out. */
  readonly requests: readonly ReceivedRequest[];
  /** Requests whose answer is not over. */
  readonly running: number;
  /** Open connections. */
  readonly connections: number;
  /** Takes another script for the requests that follow. */
  follow(script: Script): void;
  /** Cuts everything and frees the port. */
  close(): Promise<void>;
}

/** Starts a scripted model server on loopback. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const { models = ['test-model'], load = { waiting: 0, running: 0 } } = options;
  let script: Script = options.script ?? (() => ({ kind: 'answer' }));
  const requests: ReceivedRequest[] = [];
  let connections = 0;
  const metrics = expositionOf(load);
  const answerScripted = async (request: IncomingMessage, response: ServerResponse) => {
    const received = await receive(request, requests.length);
    if (received === undefined) return;
    requests.push(received);
    response.on('close', () => {
      received.state = response.writableFinished ? 'answered' : 'cut';
    });
    await perform(script(received), received, response);
  };
  const server = createServer((request, response) => {
    if ((request.url ?? '').startsWith('/metrics')) response.end(metrics);
    else if (request.url === '/health') response.end();
    else if (request.url === '/v1/models') response.end(listOf(models));
    else void answerScripted(request, response);
  });
  server.on('connection', (socket) => {
    connections++;
    socket.on('close', () => connections--);
  });
  const host = options.host ?? '127.0.0.1';
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://${host}:${port}`,
    port,
    requests,
    get running() {
      return requests.filter(({ state }) => state === 'running').length;
    },
    get connections() {
      return connections;
    },
    follow: (next) => {
      script = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Undefined where the client went away before its request was complete. */
async function receive(
  request: IncomingMessage,
  number: number,
): Promise<ReceivedRequest | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: Buffer.concat(chunks),
    number,
    bytesWritten: 0,
    state: 'running',
  };
}

const expositionOf = ({ waiting, running }: NonNullable<ModelServerOptions['load']>): string =>
  [
    `vllm:num_requests_waiting{model_name="test-model"} ${waiting}`,
    `vllm:num_requests_running{model_name="test-model"} ${running}`,
    'vllm:kv_cache_usage_perc{model_name="test-model"} 0',
    'vllm:cache_config_info{block_size="16",num_gpu_blocks="1000"} 1',
    '',
  ].join('\n');

const listOf = (models: readonly string[]): string =>
  JSON.stringify({
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'test' })),
  });
