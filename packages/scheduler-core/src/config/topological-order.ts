// SPDX-License-Identifier: Apache-2.0

/** Names so ordered that each comes after what it depends on, or a cycle among them. */
export type TopologicalOrder =
  | { readonly kind: 'ordered'; readonly names: readonly string[] }
  /** Each depends on the next; the first is repeated at the end. */
  | { readonly kind: 'cycle'; readonly names: readonly string[] };

/** Orders `names`, keeping their order where dependencies allow it. Unknown dependencies are ignored. */
export function topologicalOrder(
  names: readonly string[],
  dependenciesOf: (name: string) => readonly string[],
): TopologicalOrder {
  const known = new Set(names);
  const done = new Set<string>();
  const open: string[] = [];
  const visit = (name: string): readonly string[] | undefined => {
    if (done.has(name)) return undefined;
    if (open.includes(name)) return [...open.slice(open.indexOf(name)), name];
    open.push(name);
    for (const dependency of dependenciesOf(name)) {
      const cycle = known.has(dependency) ? visit(dependency) : undefined;
      if (cycle !== undefined) return cycle;
    }
    open.pop();
    done.add(name);
    return undefined;
  };
  for (const name of names) {
    const cycle = visit(name);
    if (cycle !== undefined) return { kind: 'cycle', names: cycle };
  }
  return { kind: 'ordered', names: [...done] };
}
