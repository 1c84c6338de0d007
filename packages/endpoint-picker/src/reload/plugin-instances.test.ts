import type { Plugin } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { defineGauge, noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { createFleet } from '../fleet/fleet.ts';
import { createPluginInstances } from './plugin-instances.ts';

const depth = defineGauge('depth', 'Depth.', ['plugin']);

const setUp = () => {
  const fleet = createFleet();
  const metrics = recordingMetrics();
  const logger = recordingLogger();
  const instances = createPluginInstances(fleet, { ...noopTelemetry, metrics, logger });
  const heard: string[] = [];
  const make = (name: string, close: Plugin['close'] = () => undefined) => ({
    name,
    plugin: {
      endpoints: {
        endpointAdded: (endpoint: { name: string }) => heard.push(`${name}+${endpoint.name}`),
        endpointRemoved: (endpoint: { name: string }) => heard.push(`${name}-${endpoint.name}`),
      },
      close: () => {
        heard.push(`${name} closed`);
        return close();
      },
    } as unknown as Plugin,
  });
  return { fleet, metrics, logger, instances, heard, make };
};

test('an instance of two configurations hears of the fleet once, and is closed with the second', async () => {
  const { fleet, instances, heard, make } = setUp();
  const [kept, replaced, young] = [make('kept'), make('old'), make('young')];
  instances.hold([kept, replaced], instances.prepare());
  instances.hold([kept, young], instances.prepare());
  fleet.reconcile([makeEndpoint('a')]);
  expect(heard.splice(0)).toEqual(['kept+a', 'old+a', 'young+a']);
  await instances.release([kept, replaced]);
  expect(heard.splice(0)).toEqual(['old closed']);
  fleet.reconcile([]);
  expect(heard.splice(0)).toEqual(['kept-a', 'young-a']);
  await instances.release([kept, young]);
  expect(heard.splice(0)).toEqual(['kept closed', 'young closed']);
});

test('the gauges of an instance go with it', async () => {
  const { metrics, instances, make } = setUp();
  const labels = { plugin: 'x' };
  const first = instances.prepare();
  const [old, young] = [make('x'), make('x')];
  first.telemetryOf('x').metrics.gauge(depth, labels).add(3);
  instances.hold([old], first);
  const second = instances.prepare();
  second.telemetryOf('x').metrics.gauge(depth, labels).add(1);
  instances.hold([young], second);
  expect(metrics.value(depth, labels)).toBe(4);
  await instances.release([old]);
  expect(metrics.value(depth, labels)).toBe(1);
});

test('nothing stays of instances whose configuration never runs', () => {
  const { metrics, instances } = setUp();
  const prepared = instances.prepare();
  prepared.telemetryOf('x').metrics.gauge(depth, { plugin: 'x' }).set(3);
  prepared.discard();
  expect(metrics.value(depth, { plugin: 'x' })).toBe(0);
});

test('a plugin that cannot be closed is named, and the others are closed', async () => {
  const { logger, instances, heard, make } = setUp();
  const bad = make('bad', () => Promise.reject(new Error('no')));
  const good = make('good');
  instances.hold([bad, good], instances.prepare());
  await instances.release([bad, good]);
  expect(heard).toEqual(['bad closed', 'good closed']);
  expect(logger.lines).toMatchObject([{ level: 'error', fields: { plugin: 'bad' } }]);
});
