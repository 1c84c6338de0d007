import type { KubeObject } from '@llm-d/crd-types';
import { expect, test } from 'vitest';
import { deployments } from '../../built-in-types.ts';
import { applied } from './field-ownership.ts';
import { join } from './field-set.ts';
import type { Manager, Managers } from './managers.ts';
import { mergeSchemaOf } from './merge-schema.ts';

const by: Manager = {
  manager: 'one',
  operation: 'Apply',
  apiVersion: 'apps/v1',
  subresource: undefined,
};
const path = (...names: readonly string[]) => names.map((name) => `f:${name}`).reduce(join, '');
const deployment = (spec: object): KubeObject & { readonly spec: object } => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', namespace: 'default' },
  spec,
});
const apply = (live: KubeObject, config: KubeObject, managers: Managers) =>
  applied({ live, managers, by, schema: mergeSchemaOf(deployments), now: 'now' }, config, {
    force: false,
  });

const strategy = {
  type: 'RollingUpdate',
  // Filled in by the server: nobody owns it.
  rollingUpdate: { maxSurge: 1 },
};
const own = { ...by, time: 'before', fields: new Set([path('spec', 'strategy', 'type')]) };

test('what a server filled in goes with the field that it is in', () => {
  const { object } = apply(deployment({ replicas: 1, strategy }), deployment({}), [
    own,
    { ...by, manager: 'two', time: 'before', fields: new Set([path('spec', 'replicas')]) },
  ]);
  expect(object).toMatchObject({ spec: { replicas: 1 } });
  expect(object).not.toHaveProperty('spec.strategy');
});

test('a field stays with what somebody else owns in it', () => {
  const fields = new Set([path('spec', 'strategy', 'rollingUpdate', 'maxSurge')]);
  const { object } = apply(deployment({ strategy }), deployment({}), [
    own,
    { ...by, manager: 'two', time: 'before', fields },
  ]);
  expect(object).toMatchObject({ spec: { strategy: { rollingUpdate: { maxSurge: 1 } } } });
  expect(object).not.toHaveProperty('spec.strategy.type');
});
