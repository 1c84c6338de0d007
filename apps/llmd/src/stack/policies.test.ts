import { createPickerRegistry } from '@llm-d/endpoint-picker';
import { loadConfig } from '@llm-d/scheduler-core';
import { describe, expect, test } from 'vitest';
import { mayReadKvEvents, policies, policyArguments } from './policies.ts';

const setting = {
  renderUrls: [1, 2, 3, 4].map((i) => `http://127.0.0.1:900${i}`),
  model: 'org/model: "1"',
};
const textOf = (policy: string, more: object = {}): string | undefined =>
  policyArguments(policy, { ...setting, ...more })[1];
const load = (text: string | undefined) => loadConfig(text, { registry: createPickerRegistry() });

test.each(Object.keys(policies))('the policy %s is a valid configuration', (policy) => {
  const { profiles, warnings } = load(textOf(policy));
  expect(profiles).toHaveLength(1);
  expect(warnings).toEqual([]);
});

test('a name that is none is the path of a configuration', () => {
  expect(policyArguments('mine.yaml', setting)).toEqual(['--config', 'mine.yaml']);
  expect(policyArguments('toString', setting)).toEqual(['--config', 'toString']);
  expect(policyArguments('default', setting)).toEqual([]);
  expect(policyArguments('random', setting)[0]).toBe('--config-text');
});

test('engines publish for the precise policy and for configurations that may be so', () => {
  expect(['precise', 'mine.yaml', 'approximate', 'random'].map(mayReadKvEvents)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

describe('the precise policy', () => {
  test('differs from the built-in one in who says what is cached where, and in nothing else', () => {
    const profile = (text: string | undefined) => load(text).profiles[0];
    expect(profile(textOf('precise'))).toEqual(profile(undefined));
  });

  test('has prompts rendered by three servers in turn, and estimates what none of them renders', () => {
    const { plugins } = JSON.parse(textOf('precise') ?? '') as {
      plugins: { type: string; parameters?: { modelName: string; vllm: { url: string } } }[];
    };
    const tokens = plugins.filter(({ type }) => type === 'token-producer');
    expect(tokens.map(({ parameters }) => parameters?.vllm.url)).toEqual([
      'http://127.0.0.1:9001',
      'http://127.0.0.1:9002',
      'http://127.0.0.1:9003',
      undefined,
    ]);
    expect(tokens[0]?.parameters?.modelName).toBe('org/model: "1"');
  });

  test('reads NATS where there is one', () => {
    expect(textOf('precise')).not.toContain('nats');
    expect(textOf('precise', { natsUrl: 'nats://n:4222' })).toContain(
      '"nats":{"servers":"nats://n:4222"}',
    );
  });
});
