import { expect, test } from 'vitest';
import { makeEndpoint } from '../../../testing/index.ts';
import { createPlacer } from '../placing.testing.ts';

const d = makeEndpoint('d').label('llm-d.ai/role', 'decode');
const p = makeEndpoint('p').label('llm-d.ai/role', 'prefill');
const config = (...profiles: string[]): string => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: header-profile-handler }, { type: prefill-filter }, { type: decode-filter }]
schedulingProfiles:
${profiles.map((name) => `  - { name: ${name}, plugins: [{ pluginRef: ${name}-filter }] }\n`).join('')}`;
const withHeader = (value: string) => ({ headers: new Map([['epp-profile', value]]) });
const both = config('prefill', 'decode');

test.each([
  ['the profile that the header names', both, withHeader('prefill'), { prefill: 'p' }],
  ['the default profile without a header', both, {}, { decode: 'd' }],
  ['the default profile with an empty header', both, withHeader(' '), { decode: 'd' }],
  [
    'the only profile whatever the header says',
    config('prefill'),
    withHeader('x'),
    { prefill: 'p' },
  ],
])('the header handler runs %s', (_name, text, request, picked) => {
  const placed = createPlacer(text).place({ fleet: [d, p], request });
  expect(placed).toMatchObject({ picked, stages: [] });
  expect(placed.to).toBeDefined();
});

test('a name that no profile has means that there is no endpoint, and says so', () => {
  expect(createPlacer(both).place({ fleet: [d, p], request: withHeader('encode') })).toEqual({
    to: undefined,
    picked: {},
    headers: {},
    stages: ['−encode: there is no profile encode'],
  });
});
