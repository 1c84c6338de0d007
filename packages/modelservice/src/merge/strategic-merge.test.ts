import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../json.ts';
import { strategicMerge } from './strategic-merge.ts';

test.each<[string, JsonObject, JsonObject, JsonObject]>([
  ['a scalar replaces', { a: 1, b: 2 }, { a: 3 }, { a: 3, b: 2 }],
  ['null deletes', { a: 1, b: { c: 1, d: 2 } }, { a: null, b: { c: null } }, { b: { d: 2 } }],
  ['zero and false are values', { a: 1, b: true }, { a: 0, b: false }, { a: 0, b: false }],
  ['a map can be replaced', { a: { b: 1 } }, { a: { $patch: 'replace', c: 2 } }, { a: { c: 2 } }],
  ['arguments are one value', { args: ['a'] }, { args: ['b'] }, { args: ['b'] }],
  [
    'tolerations are one value',
    { tolerations: [{ key: 'a' }] },
    { tolerations: [{ key: 'b' }] },
    { tolerations: [{ key: 'b' }] },
  ],
  [
    'containers are merged by name, new ones last',
    { containers: [{ name: 'a', image: 'x', tty: true }] },
    { containers: [{ name: 'b' }, { name: 'a', image: 'y' }] },
    { containers: [{ name: 'a', image: 'y', tty: true }, { name: 'b' }] },
  ],
  [
    'environment is merged by name',
    {
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
    },
    {
      env: [
        { name: 'B', value: '3' },
        { name: 'C', value: '4' },
      ],
    },
    {
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '3' },
        { name: 'C', value: '4' },
      ],
    },
  ],
  [
    'ports of containers are merged by number and protocol',
    { ports: [{ containerPort: 1 }, { containerPort: 1, protocol: 'UDP' }] },
    { ports: [{ containerPort: 1, protocol: 'TCP', name: 'a' }] },
    {
      ports: [
        { containerPort: 1, protocol: 'TCP', name: 'a' },
        { containerPort: 1, protocol: 'UDP' },
      ],
    },
  ],
  [
    'ports of services are merged by number',
    { ports: [{ port: 1, name: 'a' }] },
    { ports: [{ port: 1, targetPort: 2 }, { port: 3 }] },
    { ports: [{ port: 1, name: 'a', targetPort: 2 }, { port: 3 }] },
  ],
  [
    'mounts are merged by path',
    { volumeMounts: [{ name: 'a', mountPath: '/a' }] },
    {
      volumeMounts: [
        { name: 'b', mountPath: '/a' },
        { name: 'a', mountPath: '/c' },
      ],
    },
    {
      volumeMounts: [
        { name: 'b', mountPath: '/a' },
        { name: 'a', mountPath: '/c' },
      ],
    },
  ],
  [
    'a volume keeps the kind of its source and merges it',
    { volumes: [{ name: 'a', emptyDir: { medium: 'Memory' } }] },
    { volumes: [{ name: 'a', emptyDir: { sizeLimit: '1Gi' } }] },
    { volumes: [{ name: 'a', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } }] },
  ],
  [
    'a volume has one source',
    { volumes: [{ name: 'a', emptyDir: {} }] },
    { volumes: [{ name: 'a', hostPath: { path: '/a' } }] },
    { volumes: [{ name: 'a', hostPath: { path: '/a' } }] },
  ],
  [
    'an item can be deleted',
    { containers: [{ name: 'a' }, { name: 'b' }] },
    { containers: [{ name: 'a', $patch: 'delete' }] },
    { containers: [{ name: 'b' }] },
  ],
  [
    'a list can be replaced',
    { env: [{ name: 'A', value: '1' }] },
    { env: [{ $patch: 'replace' }, { name: 'B', value: '2' }] },
    { env: [{ name: 'B', value: '2' }] },
  ],
  ['a list where none was', {}, { containers: [{ name: 'a' }] }, { containers: [{ name: 'a' }] }],
])('%s', (_, base, patch, expected) => {
  expect(strategicMerge(base, patch)).toEqual(expected);
});

describe('for any objects', () => {
  const item = fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: fc.integer() });
  const container = fc.record({
    env: fc.uniqueArray(item, { selector: ({ name }) => name }),
    resources: fc.dictionary(fc.constantFrom('cpu', 'memory'), fc.integer()),
  });

  test('merging twice is merging once, and nothing is changed on the way', () => {
    fc.assert(
      fc.property(container, container, (base, patch) => {
        const before = structuredClone([base, patch]);
        const once = strategicMerge(base, patch);
        expect(strategicMerge(once, patch)).toEqual(once);
        expect(strategicMerge(base, {})).toEqual(base);
        expect([base, patch]).toEqual(before);
      }),
    );
  });
});
