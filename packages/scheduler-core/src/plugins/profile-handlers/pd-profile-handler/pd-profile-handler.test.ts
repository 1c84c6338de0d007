import { expect, test } from 'vitest';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import { tokenizedPrompt } from '../../../attributes/tokenized-prompt.ts';
import { makeEndpoint, makePrefixMatches } from '../../../testing/index.ts';
import { createPlacer, goldenConfig } from '../placing.testing.ts';

const d = makeEndpoint('d').label('llm-d.ai/role', 'decode').at('10.0.0.1', 8002);
const p = makeEndpoint('p').label('llm-d.ai/role', 'prefill').at('10.0.0.2', 8001);
const attributes = [
  [tokenizedPrompt(), { ids: new Uint32Array(100), estimated: true }],
  [prefixMatches(), makePrefixMatches({})],
] as const;
const config = goldenConfig('deprecated-pd');

test('the former P/D handler prefills elsewhere what its decider wants', () => {
  const { place } = createPlacer(config);
  expect(place({ fleet: [d, p], attributes })).toEqual({
    to: '10.0.0.1:8002',
    picked: { decode: 'd', prefill: 'p' },
    headers: { 'x-prefiller-host-port': '10.0.0.2:8001' },
    stages: ['prefill: 100 uncached tokens ≥ 16'],
  });
  expect(place({ fleet: [d, p] }).headers).toEqual({});
});

test('with a primary port the request goes there, and the rank into a header', () => {
  const { place } = createPlacer(
    config.replace('{ deciderPluginName', '{ primaryPort: 8000, deciderPluginName'),
  );
  expect(place({ fleet: [d, p], attributes })).toMatchObject({
    to: '10.0.0.1:8000',
    headers: {
      'x-prefiller-host-port': '10.0.0.2:8001',
      'x-data-parallel-host-port': '10.0.0.1:8002',
    },
  });
});
