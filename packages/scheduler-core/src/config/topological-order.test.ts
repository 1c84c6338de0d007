import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topologicalOrder } from './topological-order.ts';

const order = (dependencies: Record<string, string[]>) =>
  topologicalOrder(Object.keys(dependencies), (name) => dependencies[name] ?? []);

test.each([
  { name: 'nothing depends', dependencies: { b: [], a: [] }, names: ['b', 'a'] },
  {
    name: 'one depends on a later one',
    dependencies: { a: ['c'], b: [], c: [] },
    names: ['c', 'a', 'b'],
  },
  { name: 'a dependency is not among the names', dependencies: { a: ['x'] }, names: ['a'] },
])('the order holds where $name', ({ dependencies, names }) => {
  expect(order(dependencies)).toEqual({ kind: 'ordered', names });
});

test.each([
  { dependencies: { a: ['a'] }, names: ['a', 'a'] },
  { dependencies: { a: ['b'], b: ['c'], c: ['b'] }, names: ['b', 'c', 'b'] },
])('a cycle is named: $names', ({ dependencies, names }) => {
  expect(order(dependencies)).toEqual({ kind: 'cycle', names });
});

test('everything comes once and after what it depends on', () => {
  const graph = fc.array(fc.array(fc.nat({ max: 9 }), { maxLength: 4 }), {
    minLength: 1,
    maxLength: 10,
  });
  fc.assert(
    fc.property(graph, (edges) => {
      const names = edges.map((_, i) => `n${i}`);
      // Edges only go down, so there is no cycle.
      const below = (name: string) =>
        (edges[names.indexOf(name)] ?? [])
          .filter((to) => to < names.indexOf(name))
          .map((to) => `n${to}`);
      const result = topologicalOrder(names.toReversed(), below);
      expect(result.kind).toBe('ordered');
      expect([...result.names].sort()).toEqual([...names].sort());
      for (const name of names) {
        for (const dependency of below(name)) {
          expect(result.names.indexOf(dependency)).toBeLessThan(result.names.indexOf(name));
        }
      }
    }),
  );
});
