// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import {
  externalProcessorProcessPath,
  healthCheckRequest,
  healthCheckResponse,
  processingRequest,
  processingResponse,
  type ProcessingResponse,
} from '@llm-d/protos';

/** Where a request was sent, or what the proxy was to answer itself. */
export interface Placement {
  /** Address of the model server; empty where there is none. */
  readonly destination: string;
  /** Status of an answer without a model server; 0 where there is one. */
  readonly status: number;
  /** The body as it goes to the model server. */
  readonly body: string;
}

/** A proxy in front of an endpoint picker. */
export interface ExtProcProxy extends Disposable {
  /** Has a request placed: a chat of the model with further headers. */
  place(model: string, headers?: Readonly<Record<string, string>>): Promise<Placement>;
  /** The health of a service by name; `UNKNOWN_SERVICE` for one that is not answered. */
  health(address: string, service: string): Promise<string>;
}

const same = (bytes: Buffer): Buffer => bytes;
const NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const LIMIT_MS = 30_000;

/** Connects to the ext_proc port at `address`, in plaintext. */
export function connectProxy(address: string): ExtProcProxy {
  const client = connect(address);
  return {
    place: (model, headers = {}) => place(client, model, headers),
    health: async (at, service) => {
      const probe = connect(at);
      try {
        return await new Promise((resolve, reject) => {
          const request = healthCheckRequest.encode({ service });
          const path = '/grpc.health.v1.Health/Check';
          const options = { deadline: Date.now() + LIMIT_MS };
          probe.makeUnaryRequest(
            path,
            same,
            same,
            request,
            new Metadata(),
            options,
            (error, bytes) => {
              if (error?.code === status.NOT_FOUND) resolve('UNKNOWN_SERVICE');
              else if (bytes === undefined) reject(error ?? new Error('no answer'));
              else resolve(NAMES[healthCheckResponse.decode(bytes).status] ?? '?');
            },
          );
        });
      } finally {
        probe.close();
      }
    },
    [Symbol.dispose]: () => {
      client.close();
    },
  };
}

const connect = (address: string): Client =>
  new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });

function place(
  client: Client,
  model: string,
  headers: Readonly<Record<string, string>>,
): Promise<Placement> {
  const call = client.makeBidiStreamRequest(
    externalProcessorProcessPath,
    same,
    same,
    new Metadata(),
    { deadline: Date.now() + LIMIT_MS },
  );
  const all = { ':method': 'POST', ':path': '/v1/chat/completions', ...headers };
  const list = Object.entries(all).map(([key, value]) => ({ key, rawValue: Buffer.from(value) }));
  const body = Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }] }));
  return new Promise<Placement>((resolve, reject) => {
    const replies: ProcessingResponse[] = [];
    call.on('data', (bytes: Buffer) => {
      replies.push(processingResponse.decode(bytes));
      const placed = placementOf(replies);
      if (placed === undefined) return;
      resolve(placed);
      // Not a reset: a client of Node's HTTP/2 gives up after a thousand of them.
      call.end();
    });
    call.on('error', reject);
    call.write(processingRequest.encode({ requestHeaders: { headers: { headers: list } } }));
    call.write(processingRequest.encode({ requestBody: { body, endOfStream: true } }));
  });
}

/** What replies say when they are complete: an answer, or a destination and the whole body. */
function placementOf(replies: readonly ProcessingResponse[]): Placement | undefined {
  const immediate = replies.find((reply) => reply.immediateResponse !== null)?.immediateResponse;
  if (immediate !== undefined && immediate !== null) {
    const text = Buffer.from(immediate.body).toString();
    return { destination: '', status: immediate.status?.code ?? 0, body: text };
  }
  const set = replies.flatMap(
    ({ requestHeaders }) => requestHeaders?.response?.headerMutation?.setHeaders ?? [],
  );
  const destination = set.find(({ header }) => header?.key === 'x-gateway-destination-endpoint');
  const chunks = replies.flatMap(
    ({ requestBody }) => requestBody?.response?.bodyMutation?.streamedResponse ?? [],
  );
  if (destination === undefined || chunks.at(-1)?.endOfStream !== true) return undefined;
  return {
    destination: Buffer.from(destination.header?.rawValue ?? []).toString(),
    status: 0,
    body: Buffer.concat(chunks.map(({ body }) => body)).toString(),
  };
}
