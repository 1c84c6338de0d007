import { systemClock } from '@llm-d/determinism';
import { noopLogger } from '@llm-d/telemetry';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { expect, test } from 'vitest';
import { startTestEpp, type TestEpp } from '../epp.testing.ts';
import { createAdminRoutes, type AdminOptions } from './admin-routes.ts';

const routesOf = ({ running, record }: TestEpp, more: Partial<AdminOptions> = {}) =>
  createAdminRoutes({
    running,
    record,
    metrics: createPrometheusMetrics({ processMetrics: false, definitions: [] }),
    logger: noopLogger,
    clock: systemClock,
    notReady: () => undefined,
    conditions: () => [],
    ...more,
  });

test('whoever may not see it sees nothing but probes', async () => {
  await using epp = await startTestEpp([]);
  const asked: (string | undefined)[] = [];
  await using routes = routesOf(epp, {
    mayScrape: (authorization) => {
      asked.push(authorization);
      const reason = 'not you';
      return Promise.resolve(
        authorization === 'Bearer right'
          ? { allowed: true }
          : { allowed: false, status: authorization === undefined ? 401 : 403, reason },
      );
    },
  });
  const ask = async (url: string, authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    const { statusCode, body, headers: answer } = await routes.inject({ url, headers });
    return { statusCode, body, challenge: answer['www-authenticate'] };
  };
  for (const url of ['/metrics', '/debug/endpoints', '/debug/conditions', '/nothing']) {
    const body = '{"error":"not you"}';
    expect(await ask(url)).toEqual({ statusCode: 401, body, challenge: 'Bearer' });
    expect(await ask(url, 'Bearer wrong')).toEqual({ statusCode: 403, body, challenge: undefined });
    expect((await ask(url, 'Bearer right')).statusCode).toBe(url === '/nothing' ? 404 : 200);
  }
  const before = asked.length;
  expect((await ask('/healthz')).statusCode).toBe(200);
  expect((await ask('/readyz')).statusCode).toBe(200);
  expect(asked).toHaveLength(before);
});

test('conditions are listed as they are', async () => {
  await using epp = await startTestEpp([]);
  const condition = {
    name: 'Pods',
    status: 'False',
    reason: 'Forbidden',
    message: 'pods may not be listed',
    since: '2026-01-01T00:00:00.000Z',
  } as const;
  await using routes = routesOf(epp, { conditions: () => [condition] });
  const { body } = await routes.inject('/debug/conditions');
  expect(JSON.parse(body)).toEqual({ conditions: [condition] });
});
