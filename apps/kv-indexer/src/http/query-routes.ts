// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { IndexerApi } from '../queries/indexer-api.ts';

/** The questions of clients. */
export function addQueryRoutes(app: FastifyInstance, api: IndexerApi): void {
  app.post('/score_completions', async ({ body }, reply) =>
    Object.fromEntries(await api.scoreCompletions(body, goneSignal(reply))),
  );
  app.post('/score_chat_completions', async ({ body }, reply) =>
    Object.fromEntries(await api.scoreChatCompletions(body, goneSignal(reply))),
  );
  app.post('/query', ({ body }) => api.query(body));
  app.post('/query_by_hash', ({ body }) => api.queryByHash(body));
}

/** Aborts when the client no longer waits. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort(new Error('the client is gone'));
  });
  return gone.signal;
}
