import { expect, test } from 'vitest';
import { planOf, type UpFlags } from './up-plan.ts';

const flags = (given: Partial<UpFlags> = {}): UpFlags => ({
  host: '127.0.0.1',
  port: 8080,
  enginePort: 9001,
  endpoint: [],
  table: true,
  engines: 4,
  profile: 'llama-3.1-8b-a100',
  timeScale: 1,
  engineArg: [],
  ...given,
});
const endpoint = ['http://10.0.0.7:8000'];
const nats = 'nats://127.0.0.1:4222';
const redis = 'redis://127.0.0.1:6379';
const direct = { natsUrl: undefined, redisUrl: undefined };

test.each<[Partial<UpFlags>, string, string, object | undefined]>([
  [{}, 'simulated', 'precise', direct],
  [{ prefix: 'approximate' }, 'simulated', 'approximate', undefined],
  [{ config: 'mine.yaml' }, 'simulated', 'mine.yaml', direct],
  [{ nats }, 'simulated', 'precise', { natsUrl: nats, redisUrl: undefined }],
  [{ nats, redis }, 'simulated', 'precise', { natsUrl: nats, redisUrl: redis }],
  [{ nats, config: 'mine.yaml' }, 'simulated', 'mine.yaml', { natsUrl: nats, redisUrl: undefined }],
  [{ endpoint }, 'given', 'approximate', undefined],
  [{ endpointsFile: 'servers.yaml' }, 'given', 'approximate', undefined],
  [{ endpoint, prefix: 'precise' }, 'given', 'precise', direct],
  [{ endpoint, nats }, 'given', 'precise', { natsUrl: nats, redisUrl: undefined }],
])('%j: %s engines, routed by %s', (given, kind, policy, events) => {
  const plan = planOf(flags(given));
  expect(plan).toMatchObject({ policy, fleet: { kind } });
  expect(plan.events).toEqual(events);
});

test.each<[Partial<UpFlags>, string]>([
  [{ config: 'mine.yaml', prefix: 'precise' }, '--prefix has no say beside --config'],
  [{ redis }, '--redis needs --nats'],
  [{ nats, prefix: 'approximate' }, '--nats has no effect with --prefix approximate'],
])('%j is refused', (given, message) => {
  expect(() => planOf(flags(given))).toThrow(message);
});
