import { Client, credentials } from '@grpc/grpc-js';
import {
  getPodScoresPath,
  getPodScoresRequest,
  getPodScoresResponse,
  healthCheckRequest,
  healthCheckResponse,
  type GetPodScoresRequestInit,
} from '@llm-d/protos';
import { expect, test } from 'vitest';
import { holding, promptOf, startTestIndexer } from '../kv-indexer.testing.ts';
import { NoTokensError } from '../queries/request-error.ts';

const same = (bytes: Buffer) => bytes;

async function call(port: number, path: string, request: Buffer): Promise<Buffer> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, request, (error, bytes) => {
        if (error !== null) reject(error);
        else resolve(bytes ?? Buffer.alloc(0));
      });
    });
  } finally {
    client.close();
  }
}
const scoresOf = async (port: number, request: GetPodScoresRequestInit) => {
  const bytes = await call(port, getPodScoresPath, getPodScoresRequest.encode(request));
  const { scores } = getPodScoresResponse.decode(bytes);
  return Object.fromEntries(scores.map(({ pod, score }) => [pod, score]));
};
const render = () => Promise.resolve([Uint32Array.from(promptOf(3))]);
const tokens = { completion: render, chat: render };

test('indexer.v1 scores all pods, or those that are named', async () => {
  await using started = await startTestIndexer({}, { tokens });
  await started.publish(holding('a', 3), holding('b', 2, 'CPU'));
  const { grpcPort } = started.indexer;
  const request = { prompt: 'text', modelName: 'm' };
  expect(await scoresOf(grpcPort, request)).toEqual({ a: 3, b: 1.6 });
  expect(await scoresOf(grpcPort, { ...request, podIdentifiers: ['b', 'x'] })).toEqual({ b: 1.6 });
  const health = await call(
    grpcPort,
    '/grpc.health.v1.Health/Check',
    healthCheckRequest.encode({}),
  );
  expect(healthCheckResponse.decode(health).status).toBe(1);
});

const failing = (reason: 'refused' | 'unavailable') => {
  const fail = () => Promise.reject(new NoTokensError(reason, 'why'));
  return { completion: fail, chat: fail };
};
test.each<[string, GetPodScoresRequestInit, object | undefined, number, string]>([
  ['no prompt', { modelName: 'm' }, tokens, 3, 'prompt: must not be empty'],
  ['no model', { prompt: 'a' }, tokens, 3, 'model_name: is missing'],
  ['nobody who renders', { prompt: 'a', modelName: 'm' }, undefined, 9, '--render-url'],
  ['a refusal', { prompt: 'a', modelName: 'm' }, failing('refused'), 3, 'why'],
  ['no answer', { prompt: 'a', modelName: 'm' }, failing('unavailable'), 14, 'why'],
])('%s ends with a status that says so', async (_, request, by, code, message) => {
  const parts = by === undefined ? {} : { tokens: by as typeof tokens };
  await using started = await startTestIndexer({}, parts);
  const error: unknown = await scoresOf(started.indexer.grpcPort, request).catch((e: unknown) => e);
  const details = expect.stringContaining(message) as string;
  expect(error).toMatchObject({ code, details });
});

test('bytes that are no request are refused', async () => {
  await using started = await startTestIndexer({}, { tokens });
  const wrong = call(started.indexer.grpcPort, getPodScoresPath, Buffer.from('ff', 'hex'));
  await expect(wrong).rejects.toMatchObject({ code: 3 });
});
