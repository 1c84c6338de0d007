import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { resolveConfig } from './config/resolve-config.ts';
import {
  instantiatePlugins,
  PluginError,
  type InstantiatedPlugins,
} from './instantiate-plugins.ts';
import { definePlugin, type PluginContext } from './plugin-definition.ts';
import { standInRegistry } from './testing/stand-in-plugins.ts';

interface Made {
  readonly name: string;
  closed: number;
}

/** Instances that remember who they are, and which refer to others; one of size 0 cannot be created. */
const setUp = () => {
  const made: Made[] = [];
  const create = (size: number, context: PluginContext, refersTo: readonly string[]) => {
    if (size === 0) throw new TypeError('no size');
    for (const other of refersTo) context.plugin(other);
    const instance: Made = { name: context.name, closed: 0 };
    made.push(instance);
    return {
      scorer: { score: (_: unknown, candidates: readonly unknown[]) => candidates.map(() => 1) },
      close: () => {
        instance.closed++;
      },
    };
  };
  const definition = (type: string) =>
    definePlugin({
      type,
      summary: 'A scorer.',
      stability: 'beta',
      points: ['scorer'],
      parameters: z.strictObject({
        size: z.int().default(1),
        refersTo: z.array(z.string()).default([]),
      }),
      references: ({ refersTo }) => refersTo.map((name) => ({ name })),
      create: ({ size, refersTo }, context) => create(size, context, refersTo),
    });
  const registry = standInRegistry([definition('mine'), definition('yours')]);
  const resolve = (plugins: readonly unknown[], more: object = {}) =>
    resolveConfig(
      { apiVersion: 'llm-d.ai/v1alpha1', kind: 'EndpointPickerConfig', plugins, ...more },
      { registry },
    );
  return { made, registry, resolve };
};

const instancesOf = ({ plugins }: InstantiatedPlugins) =>
  new Map(plugins.map(({ name, plugin }) => [name, plugin]));

/** Which of the instances of `after` were there in `before`. */
const keptOf = (before: InstantiatedPlugins, after: InstantiatedPlugins): readonly string[] => {
  const earlier = instancesOf(before);
  return after.plugins
    .filter(({ name, plugin }) => earlier.get(name) === plugin)
    .map((p) => p.name);
};

const a = { type: 'mine', name: 'a' };
const b = { type: 'mine', name: 'b', parameters: { refersTo: ['a'] } };
const c = { type: 'mine', name: 'c', parameters: { refersTo: ['b'] } };
const d = { type: 'mine', name: 'd' };

describe('a further configuration keeps', () => {
  test.each([
    ['everything where it is the same', [a, b, c, d], ['a', 'b', 'c', 'd']],
    ['everything in another order', [d, c, a, b], ['d', 'a', 'b', 'c']],
    ['what stays where others go', [a, b], ['a', 'b']],
    ['what was there where others come', [a, b, c, d, { ...d, name: 'e' }], ['a', 'b', 'c', 'd']],
    [
      'nothing that refers to what changed, however far away',
      [{ ...a, parameters: { size: 2 } }, b, c, d],
      ['d'],
    ],
    [
      'what changed is referred from, not what it refers to',
      [a, { ...b, parameters: {} }, c, d],
      ['a', 'd'],
    ],
    ['no instance of another type', [{ ...a, type: 'yours' }, b, c, d], ['d']],
    [
      'what has its default written out',
      [{ ...a, parameters: { size: 1, refersTo: [] } }, b, c, d],
      ['a', 'b', 'c', 'd'],
    ],
    ['nothing under another name', [{ ...d, name: 'x' }], []],
  ])('%s', (_, plugins, kept) => {
    const { resolve, registry, made } = setUp();
    const config = resolve([a, b, c, d]);
    const first = instantiatePlugins(config, registry);
    const reuse = { config, plugins: first.plugins };
    const second = instantiatePlugins(resolve(plugins), registry, { reuse });
    const ours = (names: readonly string[]) => names.filter((name) => /^[a-ex]$/.test(name));
    expect(ours(keptOf(first, second))).toEqual(kept);
    expect(ours([...second.kept])).toEqual(kept);
    expect(made.every(({ closed }) => closed === 0)).toBe(true);
  });

  test('all instances where only a weight changed', () => {
    const { resolve, registry } = setUp();
    const profile = (weight: number) => ({
      schedulingProfiles: [{ name: 'p', plugins: [{ pluginRef: 'a', weight }] }],
    });
    const config = resolve([a], profile(1));
    const first = instantiatePlugins(config, registry);
    const reuse = { config, plugins: first.plugins };
    const second = instantiatePlugins(resolve([a], profile(2)), registry, { reuse });
    expect(keptOf(first, second)).toEqual(first.plugins.map(({ name }) => name));
    expect(second.scheduler).not.toBe(first.scheduler);
  });
});

test('of any graph, changing one instance replaces it and whatever refers to it, and nothing else', () => {
  const { registry, resolve } = setUp();
  const size = 7;
  const graph = fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), {
    minLength: size,
    maxLength: size,
  });
  fc.assert(
    fc.property(graph, fc.option(fc.nat(size - 1)), (edges, changed) => {
      // Only to those before it, so that there is no cycle.
      const refersTo = edges.map((targets, i) => targets.filter((target) => target < i));
      const pluginsWith = (other: number | null) =>
        refersTo.map((targets, i) => ({
          type: 'mine',
          name: `p${i}`,
          parameters: { size: i === other ? 2 : 1, refersTo: targets.map((at) => `p${at}`) },
        }));
      const config = resolve(pluginsWith(null));
      const first = instantiatePlugins(config, registry);
      const reuse = { config, plugins: first.plugins };
      const second = instantiatePlugins(resolve(pluginsWith(changed)), registry, { reuse });
      const touched = new Set(changed === null ? [] : [changed]);
      refersTo.forEach((targets, i) => {
        if (targets.some((at) => touched.has(at))) touched.add(i);
      });
      const replaced = second.plugins.filter(({ name }) => !second.kept.has(name));
      expect(new Set(replaced.map(({ name }) => name))).toEqual(
        new Set([...touched].map((i) => `p${i}`)),
      );
      expect(new Set(keptOf(first, second))).toEqual(second.kept);
    }),
  );
});

test('what was created for a configuration that cannot run is closed, and what runs is not', () => {
  const { resolve, registry, made } = setUp();
  const config = resolve([a]);
  const first = instantiatePlugins(config, registry);
  const bad = resolve([a, d, { type: 'mine', name: 'bad', parameters: { size: 0 } }]);
  const reuse = { config, plugins: first.plugins };
  expect(() => instantiatePlugins(bad, registry, { reuse })).toThrow(PluginError);
  expect(made).toEqual([
    { name: 'a', closed: 0 },
    { name: 'd', closed: 1 },
  ]);
});

test('an instance is given the telemetry that is meant for it', () => {
  const { resolve, registry } = setUp();
  const asked: string[] = [];
  const config = resolve([a, d]);
  const telemetryOf = (name: string) => {
    asked.push(name);
    return {} as never;
  };
  const first = instantiatePlugins(config, registry, { telemetryOf });
  const reuse = { config, plugins: first.plugins };
  asked.length = 0;
  instantiatePlugins(resolve([a, { ...d, parameters: { size: 3 } }]), registry, {
    telemetryOf,
    reuse,
  });
  expect(asked).toEqual(['d']);
});
