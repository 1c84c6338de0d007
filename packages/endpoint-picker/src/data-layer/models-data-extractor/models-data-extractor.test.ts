import { endpointModels } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { instantiate, produce } from '../../producers/producing.testing.ts';
import { modelsDataExtractor } from './models-data-extractor.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const list = {
  object: 'list',
  data: [
    { id: 'base', object: 'model', created: 1_700_000_000, owned_by: 'vllm', root: '/models/base' },
    { id: 'lora', object: 'model', parent: 'base', created: null },
  ],
};

test('what a server lists is known of that server until it leaves', async () => {
  const plugin = instantiate(modelsDataExtractor);
  plugin.extractor?.extract(a, Buffer.from(JSON.stringify(list)));
  const models = (await produce(plugin)).attributes.get(endpointModels());
  expect(models?.of(a)).toEqual([
    { id: 'base', created: 1_700_000_000, ownedBy: 'vllm' },
    { id: 'lora', parent: 'base' },
  ]);
  expect(models?.of(b)).toBeUndefined();
  plugin.endpoints?.endpointRemoved?.(a);
  expect(models?.of(a)).toBeUndefined();
});

test.each(['', 'Not Found', '{"detail":"Not Found"}', '{"object":"list","data":[]}'])(
  'the answer %j is no list of models, and what was known stays',
  async (answer) => {
    const plugin = instantiate(modelsDataExtractor);
    plugin.extractor?.extract(a, Buffer.from(JSON.stringify(list)));
    expect(() => plugin.extractor?.extract(a, Buffer.from(answer))).toThrow(
      'default/a-rank-0 did not answer with a list of models',
    );
    const models = (await produce(plugin)).attributes.get(endpointModels());
    expect(models?.of(a)).toHaveLength(2);
  },
);
