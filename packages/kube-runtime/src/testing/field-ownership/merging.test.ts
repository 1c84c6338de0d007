import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deployments, services } from '../../built-in-types.ts';
import { inferenceObjectives } from '@llm-d/crd-types';
import { elementsOf, fromFieldsV1, join, printed, toFieldsV1, withParents } from './field-set.ts';
import { mergeSchemaOf } from './merge-schema.ts';
import { merged, ownedOf, removed } from './merging.ts';

const path = (...elements: readonly string[]): string => elements.reduce(join, '');

describe('a set of fields', () => {
  const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:"y"');
  const paths = fc.array(
    fc.array(element, { minLength: 1, maxLength: 4 }).map((elements) => path(...elements)),
    { maxLength: 8 },
  );

  test('is the same after it was written and read', () => {
    fc.assert(
      fc.property(paths, (given) => {
        expect(fromFieldsV1(toFieldsV1(new Set(given)))).toEqual(new Set(given));
      }),
    );
  });

  test('is written as managed fields are', () => {
    const item = ['f:spec', 'f:containers', 'k:{"name":"a"}'];
    const set = new Set([path(...item), path(...item, 'f:image'), path('f:data')]);
    expect(toFieldsV1(set)).toEqual({
      'f:data': {},
      'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {} } } },
    });
  });

  test('has parents that are fields, not items', () => {
    const set = new Set([path('f:spec', 'f:list', 'k:{"name":"a"}', 'f:image')]);
    expect(
      [...withParents(set)]
        .map(elementsOf)
        .map((elements) => elements.length)
        .sort(),
    ).toEqual([1, 2, 4]);
  });

  test.each([
    [path('f:spec', 'f:replicas'), '.spec.replicas'],
    [
      path('f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name'),
      '.ports[port=80,protocol="TCP"].name',
    ],
    [path('f:finalizers', 'v:"x"'), '.finalizers[="x"]'],
  ])('is shown to people', (given, expected) => {
    expect(printed(given)).toBe(expected);
  });
});

describe('merging', () => {
  const json = fc.dictionary(
    fc.constantFrom('data', 'other', 'spec'),
    fc.oneof(
      fc.integer(),
      fc.dictionary(fc.constantFrom('x', 'y'), fc.integer()),
      fc.array(fc.integer()),
    ),
  );
  const schema = mergeSchemaOf(services);

  test('is done when it was done', () => {
    fc.assert(
      fc.property(json, json, (base, config) => {
        const once = merged(base, config, schema);
        expect(merged(once, config, schema)).toEqual(once);
        expect([...ownedOf(config, schema)].filter((one) => !config['spec'] || one !== '')).toEqual(
          [...ownedOf(config, schema)],
        );
      }),
    );
  });

  test('has everything of the configuration, and nothing is left when that is removed', () => {
    fc.assert(
      fc.property(json, (config) => {
        expect(merged({}, config, schema)).toEqual(config);
        const rest = removed(config, withParents(ownedOf(config, schema)), schema);
        expect(rest ?? {}).toEqual({});
      }),
    );
  });

  test.each([
    [['a', 'b', 'c'], ['x'], ['a', 'b', 'c', 'x']],
    [
      ['a', 'b', 'c'],
      ['c', 'a'],
      ['b', 'c', 'a'],
    ],
    [
      ['a', 'b'],
      ['x', 'b'],
      ['a', 'x', 'b'],
    ],
    [
      ['a', 'b', 'c', 'x'],
      ['c', 'a', 'd'],
      ['b', 'c', 'x', 'a', 'd'],
    ],
    [[], ['b', 'a'], ['b', 'a']],
    [['a'], [], ['a']],
  ])('of %o with %o is in order', (has, wants, expected) => {
    const list = (names: readonly string[]) => ({
      spec: { template: { spec: { containers: names.map((name) => ({ name })) } } },
    });
    const type = mergeSchemaOf(deployments);
    expect(merged(list(has), list(wants), type)).toEqual(list(expected));
  });
});

test('custom resources merge as their schema says', () => {
  const schema = mergeSchemaOf(inferenceObjectives);
  const status = { conditions: [{ type: 'Accepted', status: 'True' }] };
  expect([...ownedOf({ status }, schema)].map(printed)).toEqual([
    '.status.conditions[type="Accepted"]',
    '.status.conditions[type="Accepted"].type',
    '.status.conditions[type="Accepted"].status',
  ]);
});
