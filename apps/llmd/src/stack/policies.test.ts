import { createPickerRegistry } from '@llm-d/endpoint-picker';
import { loadConfig } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { policies, policyArguments } from './policies.ts';

test.each(Object.entries(policies))('the policy %s is a valid configuration', (_, text) => {
  const { profiles } = loadConfig(text, { registry: createPickerRegistry() });
  expect(profiles).toHaveLength(1);
});

test('a name that is none is the path of a configuration', () => {
  expect(policyArguments('mine.yaml')).toEqual(['--config', 'mine.yaml']);
  expect(policyArguments('default')).toEqual([]);
  expect(policyArguments('random')[0]).toBe('--config-text');
});
