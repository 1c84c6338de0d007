import { describe, expect, test } from 'vitest';
import { hashesOf, holding, promptOf, startTestIndexer } from '../kv-indexer.testing.ts';
import { NoTokensError } from '../queries/request-error.ts';

const fleet = [
  holding('10.0.0.1:8000', 3),
  holding('10.0.0.2:8000', 2, 'CPU'),
  holding('10.0.0.2:8000', 1, 'GPU', 1),
  holding('10.0.0.3:8000', 1),
];

test('completions are scored by the weights of tiers, a pod by its best rank', async () => {
  await using started = await startTestIndexer();
  await started.publish(...fleet);
  const answer = await started.post('/score_completions', { model: 'm', token_ids: promptOf(4) });
  expect(answer).toEqual({
    status: 200,
    body: { '10.0.0.1:8000': 3, '10.0.0.2:8000': 1.6, '10.0.0.3:8000': 1 },
  });
  const asPrompt = await started.post('/score_completions', { model: 'm', prompt: promptOf(4) });
  expect(asPrompt).toEqual(answer);
  const other = await started.post('/score_completions', { model: 'x', token_ids: promptOf(4) });
  expect(other.body).toEqual({});
});

test('text is scored by the tokens that a render server makes of it, all prompts together', async () => {
  const seen: unknown[] = [];
  const render =
    (...prompts: number[][]) =>
    (body: unknown) => {
      seen.push(body);
      return Promise.resolve(prompts.map((tokens) => Uint32Array.from(tokens)));
    };
  const tokens = { completion: render(promptOf(3), promptOf(1)), chat: render(promptOf(2)) };
  await using started = await startTestIndexer({}, { tokens });
  await started.publish(...fleet);
  const completion = { model: 'm', prompt: 'text', cache_salt: 'kept' };
  expect((await started.post('/score_completions', completion)).body).toEqual({
    ...{ '10.0.0.1:8000': 4, '10.0.0.3:8000': 2 },
    '10.0.0.2:8000': expect.closeTo(1.6 + 1) as number,
  });
  const chat = { model: 'm', messages: [{ role: 'user', content: 'hi' }], tools: [] };
  expect((await started.post('/score_chat_completions', chat)).body).toMatchObject({
    '10.0.0.1:8000': 2,
  });
  expect(seen).toEqual([completion, chat]);
});

test('overlap by tokens and by hashes has the shape of Dynamo’s indexer', async () => {
  await using started = await startTestIndexer();
  await started.publish(...fleet);
  const overlap = {
    scores: {
      '10.0.0.1:8000': { 0: 3 },
      '10.0.0.2:8000': { 0: 2, 1: 1 },
      '10.0.0.3:8000': { 0: 1 },
    },
    frequencies: [4, 2, 1],
    tree_sizes: {
      '10.0.0.1:8000': { 0: 3 },
      '10.0.0.2:8000': { 0: 2, 1: 1 },
      '10.0.0.3:8000': { 0: 1 },
    },
  };
  const byTokens = await started.post('/query', { model: 'm', token_ids: promptOf(4) });
  expect(byTokens).toEqual({ status: 200, body: overlap });
  const byHash = await started.post('/query_by_hash', { block_hashes: hashesOf(3) });
  expect(byHash).toEqual({ status: 200, body: overlap });
  const hexadecimal = hashesOf(3).map((hash) => `0x${BigInt(hash).toString(16)}`);
  expect((await started.post('/query_by_hash', { block_hashes: hexadecimal })).body).toEqual(
    overlap,
  );
  const adapter = { model: 'm', lora_name: 'a', token_ids: promptOf(4) };
  expect((await started.post('/query', adapter)).body).toEqual({
    ...{ scores: {}, frequencies: [], tree_sizes: {} },
  });
});

describe('a question that is wrong gets 400 and the field', () => {
  const model = { model: 'm' };
  test.each<[string, unknown, string]>([
    ['/query', [], 'body: expected a JSON object'],
    ['/query', '{', 'body: '],
    ['/query', {}, 'token_ids: is missing'],
    ['/query', { ...model, token_ids: 'x' }, 'token_ids: expected a list, got a string'],
    [
      '/query',
      { ...model, token_ids: [1, -1] },
      'token_ids[1]: expected a whole number below 2^32, got -1',
    ],
    ['/query', { ...model, token_ids: [1.5] }, 'token_ids[0]: expected'],
    ['/query', { token_ids: [1] }, 'model: is missing'],
    ['/query', { model: '', token_ids: [1] }, 'model: must not be empty'],
    ['/query', { model: 7, token_ids: [1] }, 'model: expected a string, got a number'],
    ['/query', { ...model, token_ids: [1], lora_name: 1 }, 'lora_name: expected a string'],
    ['/query_by_hash', {}, 'block_hashes: expected at least one hash'],
    [
      '/query_by_hash',
      { block_hashes: [-1] },
      'block_hashes[0]: expected a whole number below 2^64, got -1',
    ],
    ['/query_by_hash', { block_hashes: ['18446744073709551616'] }, 'block_hashes[0]: expected'],
    [
      '/query_by_hash',
      { block_hashes: ['x'] },
      'block_hashes[0]: expected a whole number below 2^64, got a string',
    ],
    [
      '/query_by_hash',
      '{"block_hashes":[9007199254740993]}',
      'block_hashes[0]: numbers from 2^53 on',
    ],
    ['/score_completions', { ...model }, 'prompt: is missing, and so is token_ids'],
    [
      '/score_completions',
      { ...model, prompt: 'a', token_ids: [1] },
      'prompt: stands beside token_ids',
    ],
    ['/score_completions', { ...model, prompt: '' }, 'prompt: must not be empty'],
    ['/score_completions', { prompt: 'a' }, 'model: is missing'],
    ['/score_chat_completions', { ...model }, 'messages: is missing'],
    ['/score_chat_completions', { ...model, messages: [] }, 'messages: must not be empty'],
    ['/score_chat_completions', { ...model, messages: ['x'] }, 'messages[0]: expected an object'],
  ])('%s %j', async (path, body, message) => {
    await using started = await startTestIndexer();
    const error = expect.stringContaining(message) as string;
    expect(await started.post(path, body)).toEqual({ status: 400, body: { error } });
  });
});

test('text without a render server gets 501 that says what to configure', async () => {
  await using started = await startTestIndexer();
  const chat = { model: 'm', messages: [{}] };
  for (const [path, body] of [
    ['/score_completions', { model: 'm', prompt: 'text' }],
    ['/score_chat_completions', chat],
  ] as const) {
    const error = expect.stringContaining('--render-url') as string;
    expect(await started.post(path, body)).toEqual({ status: 501, body: { error } });
  }
});

test.each([
  ['refused', 400],
  ['unavailable', 502],
] as const)('a render server that is of no use (%s) gives %i', async (reason, status) => {
  const fail = () => Promise.reject(new NoTokensError(reason, 'why'));
  await using started = await startTestIndexer({}, { tokens: { completion: fail, chat: fail } });
  const answer = await started.post('/score_completions', { model: 'm', prompt: 'text' });
  expect(answer).toEqual({ status, body: { error: 'why' } });
});

test('bodies that are too large, and places where nothing is, are said to be so', async () => {
  await using started = await startTestIndexer({ maxBodyBytes: 100 });
  const large = await started.post('/query', { model: 'm', token_ids: promptOf(100) });
  expect(large).toMatchObject({ status: 413 });
  expect(await started.get('/nothing')).toEqual({
    status: 404,
    body: { error: 'nothing is served at GET /nothing' },
  });
});
