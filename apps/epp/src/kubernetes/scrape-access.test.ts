import { expect, test } from 'vitest';
import { virtualCluster } from './cluster.testing.ts';

const users = { scraper: { username: 'prometheus' }, stranger: { username: 'eve' } };
const mayGet = ({ username }: { username: string }, path: string) =>
  username === 'prometheus' && path === '/metrics';

test.each<[string, string | undefined, object]>([
  ['nobody', undefined, { allowed: false, status: 401, reason: 'a bearer token is required' }],
  [
    'a password',
    'Basic dTpw',
    { allowed: false, status: 401, reason: 'a bearer token is required' },
  ],
  [
    'a token that nobody has',
    'Bearer x',
    { allowed: false, status: 401, reason: 'invalid bearer token' },
  ],
  [
    'a stranger',
    'Bearer stranger',
    { allowed: false, status: 403, reason: 'eve may not get the path /metrics' },
  ],
  ['a scraper', 'Bearer scraper', { allowed: true }],
  ['a scraper in other letters', 'bearer  scraper', { allowed: true }],
])('%s', async (_, authorization, verdict) => {
  const cluster = virtualCluster({ users, mayGet });
  await using replica = cluster.start();
  expect(await replica.kubernetes.mayScrape(authorization)).toEqual(verdict);
});

test('while the API server does not review, nobody new is let in', async () => {
  const cluster = virtualCluster({ users, mayGet });
  await using replica = cluster.start();
  const scrape = () => replica.kubernetes.mayScrape('Bearer scraper');
  cluster.server.faults.inject(
    { kind: 'status', status: 403, reason: 'Forbidden' },
    { plural: 'tokenreviews' },
  );
  expect(await scrape()).toMatchObject({ allowed: false, status: 503 });
  expect(replica.condition('MetricsAccess')).toBe('False NotReviewed');
  cluster.server.faults.clear();
  expect(await scrape()).toEqual({ allowed: true });
  expect(replica.condition('MetricsAccess')).toBe('True Reviewed');
  cluster.server.faults.inject({ kind: 'unreachable' });
  expect(await scrape()).toEqual({ allowed: true });
  cluster.clock.advance(60_001);
  expect(await scrape()).toMatchObject({ allowed: false, status: 503 });
});
