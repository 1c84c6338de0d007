// SPDX-License-Identifier: Apache-2.0

/** A spec, and whether it may be stored. */
export interface AdmissionCase {
  readonly title: string;
  readonly spec: unknown;
  /** The path of the problem, or undefined where there is none. */
  readonly problem?: string;
}

const pool = {
  selector: { matchLabels: { app: 'vllm' } },
  targetPorts: [{ number: 8000 }],
  endpointPickerRef: { name: 'epp', port: { number: 9002 } },
};
const ports = (...numbers: unknown[]) => ({
  ...pool,
  targetPorts: numbers.map((number) => ({ number })),
});
const labels = (matchLabels: unknown) => ({ ...pool, selector: { matchLabels } });
const picker = (endpointPickerRef: unknown) => ({ ...pool, endpointPickerRef });

/** Specs of pools. */
export const poolCases: readonly AdmissionCase[] = [
  { title: 'the least', spec: pool },
  { title: 'no spec', spec: undefined, problem: 'spec' },
  { title: 'a spec that is a list', spec: [], problem: 'spec' },
  { title: 'an unknown field', spec: { ...pool, targetModels: ['a'] } },
  { title: 'no ports', spec: ports(), problem: 'spec.targetPorts' },
  { title: 'eight ports', spec: ports(1, 2, 3, 4, 5, 6, 7, 8) },
  { title: 'nine ports', spec: ports(1, 2, 3, 4, 5, 6, 7, 8, 9), problem: 'spec.targetPorts' },
  { title: 'the same port twice', spec: ports(8000, 8001, 8000), problem: 'spec.targetPorts' },
  { title: 'port 0', spec: ports(0), problem: 'spec.targetPorts[0].number' },
  { title: 'port 65535', spec: ports(65535) },
  { title: 'port 65536', spec: ports(1, 65536), problem: 'spec.targetPorts[1].number' },
  { title: 'a port as text', spec: ports('8000'), problem: 'spec.targetPorts[0].number' },
  { title: 'half a port', spec: ports(80.5), problem: 'spec.targetPorts[0].number' },
  { title: 'a port that is null', spec: ports(null), problem: 'spec.targetPorts[0]' },
  {
    title: 'null among the ports',
    spec: { ...pool, targetPorts: [null] },
    problem: 'spec.targetPorts[0]',
  },
  { title: 'no labels', spec: labels({}), problem: 'spec.selector.matchLabels' },
  { title: 'an empty label value', spec: labels({ a: '' }) },
  { title: 'a bad label value', spec: labels({ a: '-b' }), problem: 'spec.selector.matchLabels.a' },
  {
    title: 'a long label value',
    spec: labels({ a: 'b'.repeat(64) }),
    problem: 'spec.selector.matchLabels.a',
  },
  {
    title: 'a label value that is a number',
    spec: labels({ a: 1 }),
    problem: 'spec.selector.matchLabels.a',
  },
  {
    title: '65 labels',
    spec: labels(Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, 'v']))),
    problem: 'spec.selector.matchLabels',
  },
  {
    title: 'expressions in the selector',
    spec: { ...pool, selector: { matchLabels: { a: 'b' }, matchExpressions: [] } },
  },
  { title: 'HTTP/2', spec: { ...pool, appProtocol: 'kubernetes.io/h2c' } },
  {
    title: 'an unknown protocol',
    spec: { ...pool, appProtocol: 'h3' },
    problem: 'spec.appProtocol',
  },
  { title: 'a protocol that is null', spec: { ...pool, appProtocol: null } },
  { title: 'no endpoint picker', spec: picker(undefined), problem: 'spec' },
  {
    title: 'a service without a port',
    spec: picker({ name: 'epp' }),
    problem: 'spec.endpointPickerRef',
  },
  {
    title: 'a service with a null port',
    spec: picker({ name: 'epp', port: null }),
    problem: 'spec.endpointPickerRef',
  },
  {
    title: 'another kind without a port',
    spec: picker({ name: 'epp', kind: 'Picker', group: 'x.y' }),
  },
  { title: 'fail open', spec: picker({ ...pool.endpointPickerRef, failureMode: 'FailOpen' }) },
  {
    title: 'the misspelt failure mode',
    spec: picker({ ...pool.endpointPickerRef, failureMode: 'FailClosed' }),
    problem: 'spec.endpointPickerRef.failureMode',
  },
  {
    title: 'an endpoint picker without a name',
    spec: picker({ port: { number: 1 } }),
    problem: 'spec.endpointPickerRef',
  },
];

const poolRef = { name: 'pool' };

/** Specs of objectives. */
export const objectiveCases: readonly AdmissionCase[] = [
  { title: 'the least', spec: { poolRef } },
  { title: 'no spec', spec: undefined },
  { title: 'a spec that is null', spec: null },
  { title: 'no pool', spec: { priority: 1 }, problem: 'spec' },
  {
    title: 'a pool of the other group',
    spec: { poolRef: { ...poolRef, group: 'inference.networking.x-k8s.io' } },
  },
  { title: 'a pool of the core group', spec: { poolRef: { ...poolRef, group: '' } } },
  {
    title: 'a bad group',
    spec: { poolRef: { ...poolRef, group: 'A.b' } },
    problem: 'spec.poolRef.group',
  },
  {
    title: 'a pool with an empty name',
    spec: { poolRef: { name: '' } },
    problem: 'spec.poolRef.name',
  },
  {
    title: 'a long name',
    spec: { poolRef: { name: 'n'.repeat(254) } },
    problem: 'spec.poolRef.name',
  },
  { title: 'a negative priority', spec: { poolRef, priority: -7 } },
  { title: 'a priority that is null', spec: { poolRef, priority: null } },
  { title: 'a priority as text', spec: { poolRef, priority: 'high' }, problem: 'spec.priority' },
  { title: 'half a priority', spec: { poolRef, priority: 1.5 }, problem: 'spec.priority' },
  { title: 'the legacy field targetModels', spec: { poolRef, targetModels: [{ name: 'a' }] } },
];

const to = (...targets: unknown[]) => ({ poolRef, rules: [{ targets }] });
const when = (...matches: unknown[]) => ({
  poolRef,
  rules: [{ matches, targets: [{ modelRewrite: 'b' }] }],
});

/** Specs of rewrites. */
export const rewriteCases: readonly AdmissionCase[] = [
  { title: 'the least', spec: { poolRef, rules: [] } },
  { title: 'no rules', spec: { poolRef }, problem: 'spec' },
  { title: 'no pool', spec: { rules: [] }, problem: 'spec' },
  { title: 'an empty rule', spec: { poolRef, rules: [{}] } },
  { title: 'a rule without targets', spec: to(), problem: 'spec.rules[0].targets' },
  { title: 'a rule for every request', spec: to({ modelRewrite: 'b' }) },
  {
    title: 'a target without a model',
    spec: to({ weight: 1 }),
    problem: 'spec.rules[0].targets[0]',
  },
  { title: 'an empty model', spec: to({ modelRewrite: '' }) },
  { title: 'the least weight', spec: to({ modelRewrite: 'b', weight: 1 }) },
  { title: 'the greatest weight', spec: to({ modelRewrite: 'b', weight: 1_000_000 }) },
  {
    title: 'no weight at all',
    spec: to({ modelRewrite: 'b', weight: 0 }),
    problem: 'spec.rules[0].targets[0].weight',
  },
  {
    title: 'too much weight',
    spec: to({ modelRewrite: 'b', weight: 1_000_001 }),
    problem: 'spec.rules[0].targets[0].weight',
  },
  {
    title: 'weights on some targets only',
    spec: to({ modelRewrite: 'b', weight: 1 }, { modelRewrite: 'c' }),
  },
  { title: 'a match', spec: when({ model: { value: 'a' } }) },
  { title: 'an exact match', spec: when({ model: { type: 'Exact', value: 'a' } }) },
  {
    title: 'another kind of match',
    spec: when({ model: { type: 'Regex', value: 'a' } }),
    problem: 'spec.rules[0].matches[0].model.type',
  },
  {
    title: 'a match of nothing',
    spec: when({ model: { value: '' } }),
    problem: 'spec.rules[0].matches[0].model.value',
  },
  { title: 'a match without a model', spec: when({}), problem: 'spec.rules[0].matches[0]' },
];
