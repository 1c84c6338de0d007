import { expect, test } from 'vitest';
import { startTestSim } from './testdata/sim-server.ts';

interface Rendered {
  readonly request_id: string;
  readonly token_ids: readonly number[];
  readonly model: string;
  readonly cache_salt: string | null;
}

const messages = [{ role: 'user', content: 'Hello world' }];

test('a chat is rendered to the tokens that its answer is computed from', async () => {
  await using server = await startTestSim();
  const body = { messages, max_tokens: 6, cache_salt: 'tenant-a' };
  const response = await server.post('/v1/chat/completions/render', body);
  expect(response.status).toBe(200);
  const rendered = (await response.json()) as Rendered;
  expect(rendered).toMatchObject({
    request_id: expect.stringMatching(/^chatcmpl-/) as string,
    features: null,
    sampling_params: { max_tokens: 6 },
    cache_salt: 'tenant-a',
  });
  const answered = await server.post('/v1/chat/completions', body);
  const { usage } = (await answered.json()) as { usage: { prompt_tokens: number } };
  expect(usage.prompt_tokens).toBe(rendered.token_ids.length);
});

test('completions are rendered to a list, one entry a prompt', async () => {
  await using server = await startTestSim();
  const response = await server.post('/v1/completions/render', { prompt: ['abcde', [1, 2, 3]] });
  const rendered = (await response.json()) as readonly Rendered[];
  expect(rendered.map(({ token_ids }) => token_ids)).toEqual([
    [0x64636261, 0x65],
    [1, 2, 3],
  ]);
  expect(rendered.map(({ request_id }) => request_id.slice(-2))).toEqual(['-0', '-1']);
});

test('what cannot be answered cannot be rendered', async () => {
  await using server = await startTestSim();
  expect((await server.post('/v1/chat/completions/render', { messages: [] })).status).toBe(400);
  const unknown = await server.post('/v1/completions/render', { model: 'other', prompt: 'a' });
  expect(unknown.status).toBe(404);
});
