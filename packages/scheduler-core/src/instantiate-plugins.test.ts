import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { resolveConfig } from './config/resolve-config.ts';
import { instantiatePlugins, PluginError } from './instantiate-plugins.ts';
import type { Plugin } from './plugin-contracts.ts';
import { definePlugin, type AnyPluginDefinition, type PluginContext } from './plugin-definition.ts';
import { createPluginRegistry } from './plugin-registry.ts';
import { makeCycle, makeEndpoint } from './testing/index.ts';
import { standInRegistry } from './testing/stand-in-plugins.ts';

/** A scorer that may refer to others; `create` is the test's. */
const scorer = (create: (context: PluginContext) => Plugin): AnyPluginDefinition =>
  definePlugin({
    type: 'my-scorer',
    summary: 'A scorer.',
    stability: 'beta',
    points: ['scorer'],
    parameters: z.strictObject({ refersTo: z.array(z.string()).default([]) }),
    references: ({ refersTo }) => refersTo.map((name) => ({ name })),
    create: (_parameters, context) => create(context),
  });

function instantiate(definition: AnyPluginDefinition, plugins: readonly unknown[]) {
  const registry = standInRegistry([definition]);
  const value = { apiVersion: 'llm-d.ai/v1alpha1', kind: 'EndpointPickerConfig', plugins };
  return instantiatePlugins(resolveConfig(value, { registry }), registry);
}

const constant: Plugin = { scorer: { score: (_cycle, candidates) => candidates.map(() => 0.5) } };

describe('instantiating a configuration', () => {
  test('creates every plugin once, after those it refers to', () => {
    const created: string[] = [];
    const definition = scorer((context) => {
      created.push(context.name);
      if (context.name === 'a') expect(context.plugin('b')).toBe(constant);
      return constant;
    });
    instantiate(definition, [
      { type: 'my-scorer', name: 'a', parameters: { refersTo: ['b'] } },
      { type: 'my-scorer', name: 'b' },
    ]);
    expect(created).toEqual(['b', 'a']);
  });

  test('gathers what takes part beside the decision, with names', () => {
    const { producers, preRequest, response, endpoints } = instantiate(
      scorer(() => constant),
      [{ type: 'no-hit-lru-scorer', name: 'lru' }, { type: 'active-request-scorer' }],
    );
    const names = (named: readonly { name: string }[]) => named.map(({ name }) => name);
    expect(names(producers)).toEqual([
      'token-producer',
      'approx-prefix-cache-producer',
      'inflight-load-producer',
    ]);
    expect(names(preRequest)).toEqual(['lru', 'approx-prefix-cache-producer']);
    expect(names(response)).toEqual([]);
    expect(names(endpoints)).toEqual(['lru', 'inflight-load-producer']);
  });

  test('finds the policies of flow control, each where the configuration puts it', () => {
    const registry = standInRegistry();
    const value = {
      apiVersion: 'llm-d.ai/v1alpha1',
      kind: 'EndpointPickerConfig',
      featureGates: ['flowControl'],
      plugins: [
        { type: 'queue-scorer' },
        { type: 'static-usage-limit-policy', name: 'most', parameters: { threshold: 0.9 } },
        { type: 'round-robin-fairness-policy' },
      ],
      flowControl: {
        usageLimitPolicyPluginRef: 'most',
        enableEviction: true,
        priorityBands: [{ priority: 3, fairnessPolicyRef: 'round-robin-fairness-policy' }],
      },
    };
    const config = resolveConfig(value, { registry });
    const { flowControl, saturationDetector, plugins } = instantiatePlugins(config, registry);
    const instance = (name: string) => plugins.find((plugin) => plugin.name === name)?.plugin;
    expect(saturationDetector?.name).toBe('utilization-detector');
    expect(flowControl?.usageLimit.ceilings([0], 0.5)).toEqual([0.9]);
    expect(flowControl?.eviction?.filter).toBe(
      instance('eviction-sheddable-filter')?.evictionFilter,
    );
    const [band] = flowControl?.settings.priorityBands ?? [];
    expect(band && flowControl?.policiesOf(band)).toEqual({
      fairness: instance('round-robin-fairness-policy')?.fairnessPolicy,
      ordering: instance('fcfs-ordering-policy')?.orderingPolicy,
    });
  });

  test('schedules with it', () => {
    const { scheduler } = instantiate(
      scorer(() => constant),
      [{ type: 'my-scorer' }, { type: 'queue-scorer' }],
    );
    const outcome = scheduler.schedule(makeCycle(), [
      makeEndpoint('a').queue(3),
      makeEndpoint('b'),
    ]);
    expect(outcome).toMatchObject({ kind: 'scheduled', endpoints: [{ name: 'b' }] });
  });

  test.each([
    [
      'throws while it is created',
      () => {
        throw new TypeError('no');
      },
      /could not be created/,
    ],
    ['is no scorer after all', () => ({}), /has no scorer, against its definition/],
    [
      'looks up what it did not declare',
      (context: PluginContext) => context.plugin('queue-scorer'),
      /did not declare/,
    ],
  ])('names a plugin that %s', (_name, create, message) => {
    const attempt = () =>
      instantiate(scorer(create), [{ type: 'queue-scorer' }, { type: 'my-scorer', name: 'mine' }]);
    expect(attempt).toThrow(PluginError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'PLUGIN', plugin: 'mine' }) as Error);
  });
});

test('a registry refuses two definitions of one type', () => {
  const definition = scorer(() => constant);
  expect(() => createPluginRegistry([definition, definition])).toThrow(
    'my-scorer is defined twice',
  );
});
