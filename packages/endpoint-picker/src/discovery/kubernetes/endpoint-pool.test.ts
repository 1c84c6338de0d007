import { describe, expect, test } from 'vitest';
import { endpointPoolOf, labelSelectorText, parseLabelSelector } from './endpoint-pool.ts';

const metadata = { name: 'llama', namespace: 'prod' };
const selector = { matchLabels: { app: 'vllm' } };
const targetPorts = [{ number: 8000 }, { number: 8001 }];

test('an InferencePool says which pods, which ports, and what they speak', () => {
  const appProtocol = 'kubernetes.io/h2c';
  expect(endpointPoolOf({ metadata, spec: { selector, targetPorts, appProtocol } })).toEqual({
    ...metadata,
    matchLabels: { app: 'vllm' },
    targetPorts: [8000, 8001],
    appProtocol,
  });
  expect(endpointPoolOf({ metadata, spec: { selector, targetPorts } })?.appProtocol).toBe('http');
});

test('the pool of the API before it is understood', () => {
  expect(
    endpointPoolOf({ metadata, spec: { selector: { app: 'vllm' }, targetPortNumber: 8000 } }),
  ).toMatchObject({ matchLabels: { app: 'vllm' }, targetPorts: [8000] });
});

test.each([
  ['selects nothing', { metadata, spec: { selector: { matchLabels: {} }, targetPorts } }],
  ['has no selector', { metadata, spec: { targetPorts } }],
  [
    'has a selector of the wrong shape',
    { metadata, spec: { selector: { matchLabels: null }, targetPorts } },
  ],
  ['has no port', { metadata, spec: { selector, targetPorts: [] } }],
  ['has no spec', { metadata }],
  [
    'is going away',
    { metadata: { ...metadata, deletionTimestamp: 't' }, spec: { selector, targetPorts } },
  ],
])('an object that %s is no pool', (_, object) => {
  expect(endpointPoolOf(object as Parameters<typeof endpointPoolOf>[0])).toBeUndefined();
});

describe('a selector as text', () => {
  test.each([
    ['app=vllm', { app: 'vllm' }],
    ['app=vllm,llm-d.ai/role=decode', { app: 'vllm', 'llm-d.ai/role': 'decode' }],
    ['app == vllm , tier=', { app: 'vllm', tier: '' }],
  ])('%s', (text, expected) => {
    expect(parseLabelSelector(text)).toEqual(expected);
  });

  test.each([
    '',
    'app',
    'app!=vllm',
    'app in (a,b)',
    '=x',
    'a=b=c',
    'a=b,',
    'a=b,a=c',
    'a=-b',
    'a=/',
  ])('%j is none', (text) => {
    expect(parseLabelSelector(text)).toBeUndefined();
  });

  test('is the same for the same labels in another order', () => {
    expect(labelSelectorText({ b: '2', a: '1' })).toBe('a=1,b=2');
    expect(labelSelectorText({ a: '1', b: '2' })).toBe('a=1,b=2');
  });
});
