import { expect, test } from 'vitest';
import { virtualCluster } from '../virtual-cluster.testing.ts';
import { createAccessReviewer } from './access-reviewer.ts';

const users = {
  good: { username: 'prometheus', groups: ['monitoring'] },
  other: { username: 'somebody' },
};

function reviewed() {
  const cluster = virtualCluster({
    users,
    mayGet: ({ groups = [] }, path) => groups.includes('monitoring') && path === '/metrics',
  });
  return { ...cluster, reviewer: createAccessReviewer({ ...cluster, maxEntries: 2 }) };
}

test('the API server says whose a token is and what they may do', async () => {
  const { reviewer } = reviewed();
  const verdict = await reviewer.reviewToken('good');
  expect(verdict).toEqual({
    authenticated: true,
    user: { username: 'prometheus', uid: 'prometheus', groups: ['monitoring'], extra: {} },
  });
  if (!verdict.authenticated) throw new Error('narrowing');
  expect(await reviewer.mayGet(verdict.user, '/metrics')).toBe(true);
  expect(await reviewer.mayGet(verdict.user, '/debug')).toBe(false);
});

test.each(['bad', '', 'constructor'])('the token "%s" is nobody’s', async (token) => {
  const { reviewer } = reviewed();
  expect(await reviewer.reviewToken(token)).toEqual({
    authenticated: false,
    reason: 'invalid bearer token',
  });
});

test('a question is asked once while its answer is fresh, also by many at once', async () => {
  const { reviewer, server, pass } = reviewed();
  await Promise.all([reviewer.reviewToken('good'), reviewer.reviewToken('good')]);
  await pass(59_000);
  await reviewer.reviewToken('good');
  expect(server.requests).toHaveLength(1);
  await pass(1000);
  await reviewer.reviewToken('good');
  expect(server.requests).toHaveLength(2);
});

test('the oldest answer makes room for a new one', async () => {
  const { reviewer, server } = reviewed();
  for (const token of ['good', 'other', 'bad', 'other', 'good']) await reviewer.reviewToken(token);
  expect(server.requests).toHaveLength(4);
});

test('no answer is an error, and asked for again the next time', async () => {
  const { reviewer, server } = reviewed();
  server.faults.inject({ kind: 'unreachable' }, { times: 1 });
  await expect(reviewer.reviewToken('good')).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE' });
  expect(await reviewer.reviewToken('good')).toMatchObject({ authenticated: true });
});
