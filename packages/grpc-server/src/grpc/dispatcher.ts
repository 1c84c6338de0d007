// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import type { GrpcHandler } from '../grpc-server.ts';
import type { Http2Stream, StreamHandler } from '../http2/stream.ts';
import { Call } from './call.ts';
import { Refusal } from './refusal.ts';
import { unknownEncoding } from './responses.ts';
import { Status } from './status.ts';
import { parseTimeoutMs } from './timeout.ts';

/** What every call of a server shares. */
export interface DispatcherOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxReceiveBytes: number;
  /** By path. */
  readonly handlers: ReadonlyMap<string, GrpcHandler>;
}

/** Serves a new stream: finds the method's handler, or says in gRPC's or HTTP's words what is wrong. */
export function dispatch(stream: Http2Stream, options: DispatcherOptions): StreamHandler {
  const { head } = stream;
  const header = (name: string): string | undefined => {
    const at = head.headers.names.indexOf(name, head.firstField);
    return at === -1 ? undefined : head.headers.values[at];
  };
  if (head.method !== 'POST') return new Refusal(stream, 405);
  if (!isGrpc(header('content-type'))) return new Refusal(stream, 415);

  const encoding = header('grpc-encoding') ?? 'identity';
  const timeout = header('grpc-timeout');
  const timeoutMs = timeout === undefined ? undefined : parseTimeoutMs(timeout);
  const call = new Call(stream, { ...options, gzip: encoding === 'gzip', timeoutMs });
  const handler = options.handlers.get(head.path);
  if (timeout !== undefined && timeoutMs === undefined)
    call.end(Status.internal, 'malformed grpc-timeout');
  else if (encoding !== 'identity' && encoding !== 'gzip')
    stream.respond(unknownEncoding(encoding), { endStream: true });
  else if (handler === undefined) call.end(Status.unimplemented, `unknown method ${head.path}`);
  else call.start(handler);
  return call;
}

const isGrpc = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/grpc(?:$|[+;])/.test(contentType);
