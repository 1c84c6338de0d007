// SPDX-License-Identifier: Apache-2.0
import { type GrpcHandler, type GrpcServer, type GrpcStream, Status } from '@llm-d/grpc-server';
import {
  InvalidMessageError,
  getPodScoresPath,
  getPodScoresRequest,
  getPodScoresResponse,
} from '@llm-d/protos';
import type { Logger } from '@llm-d/telemetry';
import type { IndexerApi } from '../queries/indexer-api.ts';
import { NoTokensError, NotReadyError, RequestError } from '../queries/request-error.ts';

/** Serves `indexer.v1.IndexerService`. */
export function serveIndexerService(server: GrpcServer, api: IndexerApi, logger: Logger): void {
  const handler: GrpcHandler = (stream) => {
    let request: Buffer | undefined;
    return {
      onMessage: (message) => {
        if (request !== undefined) stream.end(Status.invalidArgument, 'more than one request');
        // The bytes may be part of a larger buffer that is used again.
        request = Buffer.from(message);
      },
      onHalfClose: () => {
        if (request === undefined) stream.end(Status.invalidArgument, 'no request');
        else void answer(stream, request, api, logger);
      },
    };
  };
  server.handle(getPodScoresPath, handler);
}

async function answer(
  stream: GrpcStream,
  request: Buffer,
  api: IndexerApi,
  logger: Logger,
): Promise<void> {
  try {
    const scores = await api.podScores(getPodScoresRequest.decode(request), stream.signal);
    const list = Array.from(scores, ([pod, score]) => ({ pod, score }));
    stream.send(getPodScoresResponse.encode({ scores: list }));
    stream.end(Status.ok);
  } catch (error) {
    const { status, message } = statusOf(error);
    if (status === Status.internal) logger.error('a call failed', { error });
    stream.end(status, message);
  }
}

const tokenStatus = {
  'not-configured': Status.failedPrecondition,
  refused: Status.invalidArgument,
  unavailable: Status.unavailable,
} as const;

function statusOf(error: unknown): { readonly status: Status; readonly message: string } {
  if (error instanceof RequestError || error instanceof InvalidMessageError) {
    return { status: Status.invalidArgument, message: error.message };
  }
  if (error instanceof NoTokensError) {
    return { status: tokenStatus[error.reason], message: error.message };
  }
  if (error instanceof NotReadyError) return { status: Status.unavailable, message: error.message };
  return { status: Status.internal, message: 'the indexer failed to answer' };
}
