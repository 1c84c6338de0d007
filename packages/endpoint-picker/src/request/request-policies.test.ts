import { createRandom } from '@llm-d/determinism';
import { expect, test } from 'vitest';
import { createRequestPolicies, resolveModel, type PolicySources } from './request-policies.ts';

const random = createRandom(1);
const toX = { models: ['m'], targets: [{ model: 'x' }] };
const toY = { models: [], targets: [{ model: 'y' }] };
const rewritten: PolicySources = {
  rewrites: [{ name: 'r', createdAtEpochMs: 1, rules: [toX] }],
};
const generic: PolicySources = { rewrites: [{ name: 'g', createdAtEpochMs: 1, rules: [toY] }] };

test.each<[string, PolicySources, { body?: string; header?: string }, string | undefined]>([
  ['the body’s model', {}, { body: 'm' }, 'm→m'],
  ['the header’s before the body’s', {}, { body: 'm', header: 'h' }, 'm→h'],
  ['the header’s where the body has none', {}, { header: 'h' }, '→h'],
  ['the rule’s before the body’s', rewritten, { body: 'm' }, 'm→x by r'],
  ['the rule’s before the header’s', rewritten, { body: 'm', header: 'h' }, 'm→x by r'],
  ['not a rule’s for what the header asks', rewritten, { body: 'n', header: 'm' }, 'n→m'],
  ['a rule’s for all where no model is named', generic, {}, '→y by g'],
  ['nothing where nobody names one', rewritten, {}, undefined],
  ['nothing where the header is empty', {}, { header: '' }, undefined],
])('the model is %s', (_, sources, { body, header }, expected) => {
  const policies = createRequestPolicies(sources).current();
  const resolution = resolveModel({ body, header }, { policies, random });
  const by = resolution?.rewrite === undefined ? '' : ` by ${resolution.rewrite}`;
  expect(resolution && `${resolution.model}→${resolution.targetModel}${by}`).toBe(expected);
});

test('a rule without targets changes nothing', () => {
  const sources = {
    rewrites: [{ name: 'r', createdAtEpochMs: 1, rules: [{ models: ['m'], targets: [] }] }],
  };
  const policies = createRequestPolicies(sources).current();
  expect(resolveModel({ body: 'm', header: undefined }, { policies, random })).toEqual({
    model: 'm',
    targetModel: 'm',
    rewrite: undefined,
  });
});

test('objectives have their priority, unknown ones and none have 0', () => {
  const policies = createRequestPolicies({ objectives: new Map([['batch', -5]]) }).current();
  expect(['batch', 'other', undefined].map((name) => policies.priorityOf(name))).toEqual([
    -5, 0, 0,
  ]);
});

test('a request that took its policies keeps them when they are replaced', () => {
  const holder = createRequestPolicies();
  const before = holder.current();
  holder.replace({ objectives: new Map([['batch', -5]]) });
  expect([before.priorityOf('batch'), holder.current().priorityOf('batch')]).toEqual([0, -5]);
});
