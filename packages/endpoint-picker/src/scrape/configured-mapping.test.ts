import { describe, expect, test } from 'vitest';
import {
  createMappingSelector,
  UnknownEngineError,
  type EngineConfig,
} from './configured-mapping.ts';
import { engineMappings } from './engine-mapping.ts';
import { MetricSpecError } from './metric-spec.ts';

const select = (engineConfigs: readonly EngineConfig[] = [], defaultEngine = 'vllm') =>
  createMappingSelector({ engineLabelKey: 'llm-d.ai/engine-type', defaultEngine, engineConfigs });

describe('the mapping of an endpoint', () => {
  test.each([
    ['by its label', { 'llm-d.ai/engine-type': 'sglang' }, 'sglang'],
    ['by the legacy label', { 'inference.networking.k8s.io/engine-type': 'triton' }, 'triton'],
    ['of the default engine for an unknown name', { 'llm-d.ai/engine-type': 'abacus' }, 'vllm'],
    ['of the default engine without a label', {}, 'vllm'],
  ])('is found %s', (_, labels, engine) => {
    expect(select()(labels)).toBe(engineMappings[engine]);
  });

  test('keeps what a configured engine does not override', () => {
    const mapping = select([
      {
        name: 'vllm',
        kvUsageSpec: 'my_usage{pool=a}',
        customMetrics: [{ attributeKey: 'heat', metricSpec: 'temperature' }],
      },
    ])({});
    expect(mapping.kvCacheUsage).toEqual({ name: 'my_usage', labels: { pool: 'a' } });
    expect(mapping.waitingRequests).toBe(engineMappings['vllm']?.waitingRequests);
    expect(mapping.custom).toEqual({ heat: { name: 'temperature', labels: {} } });
  });

  test('of a new engine knows only what is configured', () => {
    const mapping = select(
      [{ name: 'mine', queuedRequestsSpec: 'q', cacheInfoSpec: 'info', customMetrics: [] }],
      'mine',
    )({});
    expect(mapping).toMatchObject({
      waitingRequests: { name: 'q' },
      runningRequests: undefined,
      kvBlocks: { metric: { name: 'info' }, label: 'num_gpu_blocks' },
    });
  });
});

test('specs that are none and unknown default engines are refused', () => {
  expect(() => select([{ name: 'x', loraSpec: '}{', customMetrics: [] }])).toThrow(MetricSpecError);
  expect(() => select([], 'abacus')).toThrow(UnknownEngineError);
});
