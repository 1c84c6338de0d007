// SPDX-License-Identifier: Apache-2.0

/** A Prometheus exposition, to look values up in. */
export interface Exposition {
  /** Sum over the series of `name` that carry all of `labels`; 0 where there is none. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Whether there is a series of `name`. */
  has(name: string): boolean;
}

/** Reads `/metrics` of the server at `url`. */
export async function readExposition(url: string): Promise<Exposition> {
  const response = await fetch(`${url}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => !line.startsWith('#'));
  const of = (name: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return {
    has: (name) => of(name).length > 0,
    sum: (name, labels = {}) =>
      of(name)
        .filter((line) =>
          Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)),
        )
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0),
  };
}
