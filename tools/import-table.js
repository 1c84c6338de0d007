// The import table of docs/architecture.md as data: which room may import which.
// eslint.config.js turns it into boundary rules; tools/import-table.test.ts keeps the document equal to it.

/**
 * Libraries, each with the libraries it may import. `determinism` and `telemetry` are leaves
 * that every room may use, so they are not repeated.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const libraries = {
  determinism: [],
  telemetry: [],
  'app-process': ['scheduler-core'],
  protos: [],
  'grpc-server': [],
  'crd-types': [],
  'inference-api': [],
  'kv-index': ['protos'],
  'kv-events': ['kv-index'],
  'scheduler-core': [],
  'endpoint-picker': ['scheduler-core', 'inference-api', 'kv-index', 'kv-events'],
  'autoscaler-core': [],
  modelservice: ['crd-types'],
  'kube-runtime': ['crd-types'],
  'engine-sim': ['inference-api', 'kv-index'],
  workload: ['inference-api'],
  simulation: ['endpoint-picker', 'engine-sim', 'workload', 'autoscaler-core'],
  'epp-conformance': ['protos', 'grpc-server'],
  'test-kit': [],
};

/** Rooms that every other room may import. */
export const leaves = ['determinism', 'telemetry'];

/**
 * Rules for Nx's module boundary check. Apps may import any library and never an app;
 * `test-kit` is for tests.
 * @param {{ tests: boolean }} where whether the rules are for test files
 * @returns {{ sourceTag: string, onlyDependOnLibsWithTags: string[] }[]}
 */
export function depConstraints({ tests }) {
  const testOnly = tests ? ['type:test'] : [];
  const rooms = Object.entries(libraries).map(([room, allowed]) => ({
    sourceTag: `room:${room}`,
    onlyDependOnLibsWithTags: [...new Set([...leaves.filter((leaf) => leaf !== room), ...allowed])]
      .map((name) => `room:${name}`)
      .concat(testOnly),
  }));
  return [
    { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib', ...testOnly] },
    { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:lib', ...testOnly] },
    { sourceTag: 'type:test', onlyDependOnLibsWithTags: ['type:lib', 'type:test'] },
    ...rooms,
  ];
}
