import { defineCounter, defineGauge, defineHistogram } from '@llm-d/telemetry';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMetricAccounts } from './metric-accounts.ts';

const load = defineGauge('load', 'Load.', ['server']);
const total = defineCounter('seen_total', 'Seen.');
const took = defineHistogram('took_seconds', 'Took.', [1], ['server']);
const a = { server: 'a' };

test('of two who set a gauge the later one counts, until it is gone', () => {
  const metrics = recordingMetrics();
  const accounts = createMetricAccounts(metrics);
  const old = accounts.open();
  const oldGauge = old.metrics.gauge(load, a);
  oldGauge.set(5);
  const young = accounts.open();
  oldGauge.set(6);
  expect(metrics.value(load, a)).toBe(6);
  const youngGauge = young.metrics.gauge(load, a);
  youngGauge.set(1);
  oldGauge.set(7);
  expect(metrics.value(load, a)).toBe(1);
  young.close();
  youngGauge.set(3);
  oldGauge.set(8);
  expect(metrics.value(load, a)).toBe(8);
});

test('what is added is summed up, and taken back by whoever leaves', () => {
  const metrics = recordingMetrics();
  const accounts = createMetricAccounts(metrics);
  const [x, y] = [accounts.open(), accounts.open()];
  const gauge = x.metrics.gauge(load, a);
  gauge.add(5);
  gauge.add(-2);
  y.metrics.gauge(load, a).add(4);
  expect(metrics.value(load, a)).toBe(7);
  x.close();
  x.close();
  gauge.add(100);
  x.metrics.gauge(load, a).add(100);
  expect(metrics.value(load, a)).toBe(4);
});

test('a series goes with its last user, whether it removes it or leaves', async () => {
  const metrics = createPrometheusMetrics();
  const accounts = createMetricAccounts(metrics);
  const [x, y] = [accounts.open(), accounts.open()];
  x.metrics.gauge(load, a).set(1);
  y.metrics.gauge(load, a).set(2);
  x.metrics.histogram(took, a).observe(1);
  y.metrics.histogram(took, a).observe(1);
  x.metrics.remove(load, a);
  x.metrics.remove(took, a);
  expect(await metrics.expose()).toMatch(
    /load\{server="a"\} 2[^]*took_seconds_count\{server="a"\} 2/,
  );
  y.close();
  const left = await metrics.expose();
  expect(left).not.toContain('load{');
  expect(left).toContain('took_seconds_count{server="a"} 2');
});

test('what an account has removed it may use again', () => {
  const metrics = recordingMetrics();
  const account = createMetricAccounts(metrics).open();
  account.metrics.gauge(load, a).set(1);
  account.metrics.remove(load, a);
  expect(metrics.value(load, a)).toBe(0);
  account.metrics.gauge(load, a).set(2);
  expect(metrics.value(load, a)).toBe(2);
});

test('counters count for everybody, whoever leaves', () => {
  const metrics = recordingMetrics();
  const accounts = createMetricAccounts(metrics);
  const [x, y] = [accounts.open(), accounts.open()];
  x.metrics.counter(total, {}).inc(2);
  x.close();
  y.metrics.counter(total, {}).inc();
  expect(metrics.value(total, {})).toBe(3);
});

test('whatever is added by whom, a gauge shows what those have added who are there', () => {
  const step = fc.record({
    who: fc.nat(3),
    amount: fc.integer({ min: -5, max: 5 }),
    leaves: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const metrics = recordingMetrics();
      const accounts = createMetricAccounts(metrics);
      const fresh = () => ({ account: accounts.open(), sum: 0 });
      const users = [fresh(), fresh(), fresh(), fresh()];
      for (const { who, amount, leaves } of steps) {
        const user = users[who] ?? fresh();
        user.account.metrics.gauge(load, a).add(amount);
        user.sum += amount;
        if (leaves) {
          user.account.close();
          users[who] = fresh();
        }
        const expected = users.reduce((sum, one) => sum + one.sum, 0);
        expect(metrics.value(load, a)).toBe(expected);
      }
    }),
  );
});
