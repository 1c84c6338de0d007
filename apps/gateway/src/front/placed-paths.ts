// SPDX-License-Identifier: Apache-2.0

/**
 * What is placed on a model server: the APIs that the gateway understands, and others that engines serve, whose bodies
 * pass unread. Nothing else reaches an engine: its administration, such as loading adapters, is not for clients.
 */
const PLACED = new Set([
  '/v1/chat/completions',
  '/v1/chat/completions/render',
  '/v1/completions',
  '/v1/completions/render',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
  '/inference/v1/generate',
  '/generate',
  '/tokenize',
  '/detokenize',
  '/v1/audio/transcriptions',
  '/v1/audio/translations',
  '/v1/moderations',
  '/v1/rerank',
  '/v1/score',
  '/rerank',
  '/score',
  '/classify',
  '/pooling',
]);

/** Whether requests for `url`, a path with or without a query, are placed on a model server. */
export function isPlacedPath(url: string): boolean {
  if (PLACED.has(url)) return true;
  const query = url.indexOf('?');
  return query >= 0 && PLACED.has(url.slice(0, query));
}
