import { makeRequest } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { createFairnessIdentity } from './fairness-identity.ts';

const finds = (fairnessId: string | undefined) => ({
  name: 'finder',
  plugin: { fairnessIdOf: () => fairnessId },
});

test.each([
  ['the first that is found', [finds(undefined), finds(''), finds('x'), finds('y')], {}, 'x'],
  ['its own before all', [finds('x')], { fairnessId: 'mine' }, 'mine'],
  ['the common one where nothing is found', [finds(undefined)], {}, 'default-flow'],
])('a request counts for %s', (_name, plugins, request, expected) => {
  expect(createFairnessIdentity(plugins)(makeRequest(request)).fairnessId).toBe(expected);
});
