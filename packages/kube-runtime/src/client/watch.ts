// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import { KubeApiError, KubeProtocolError, type KubeStatus } from '../errors.ts';
import type { OpenStream } from './exchange.ts';
import { linesOf } from './json-lines.ts';

/** Something that happened to the objects of a collection. */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** Nothing happened up to this version; or, at the end of a streamed list, everything there is has been said. */
  | {
      readonly type: 'BOOKMARK';
      readonly resourceVersion: string;
      readonly initialEventsEnd: boolean;
    };

/** The largest object that etcd takes is 1.5 MiB; escaped and with its event it may be somewhat more. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * The events of an open watch, in the order of the server. Ends when the server ends it. Throws what the server reports
 * within the stream as {@link KubeApiError}, and the other errors of requests.
 */
export async function* readWatch<T extends KubeObject>(
  stream: OpenStream,
  { request, idleTimeoutMs }: { readonly request: string; readonly idleTimeoutMs: number },
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  try {
    for await (const line of linesOf(restarting(stream, idleTimeoutMs), MAX_EVENT_BYTES)) {
      yield eventOf<T>(line, request);
    }
  } catch (error) {
    throw stream.deadline.explain(
      error instanceof RangeError ? new KubeProtocolError(request, error.message) : error,
    );
  } finally {
    stream[Symbol.dispose]();
  }
}

async function* restarting(
  { body, deadline }: OpenStream,
  idleTimeoutMs: number,
): AsyncGenerator<Uint8Array> {
  deadline.restart(idleTimeoutMs);
  for await (const chunk of body) {
    deadline.restart(idleTimeoutMs);
    yield chunk;
  }
}

function eventOf<T extends KubeObject>(line: string, request: string): WatchEvent<T> {
  const { type, object } = parseLine(line, request);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      // The API server vouches for the type of what it serves at this path.
      return { type, object: object as unknown as T };
    case 'BOOKMARK':
      return {
        type,
        resourceVersion: object.metadata?.resourceVersion ?? '',
        initialEventsEnd: object.metadata?.annotations?.['k8s.io/initial-events-end'] === 'true',
      };
    case 'ERROR': {
      const answer: KubeStatus = object;
      throw new KubeApiError({ request, status: answer.code ?? 500, answer });
    }
    default:
      throw new KubeProtocolError(request, `unknown event ${JSON.stringify(type)}`);
  }
}

interface Line {
  readonly type: unknown;
  readonly object: Partial<KubeObject> & KubeStatus;
}

function parseLine(line: string, request: string): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (
      typeof value === 'object' &&
      value !== null &&
      'type' in value &&
      'object' in value &&
      typeof value.object === 'object' &&
      value.object !== null
    ) {
      return { type: value.type, object: value.object };
    }
  } catch (cause) {
    throw new KubeProtocolError(request, `not JSON: ${line.slice(0, 100)}`, { cause });
  }
  throw new KubeProtocolError(request, `not an event: ${line.slice(0, 100)}`);
}
