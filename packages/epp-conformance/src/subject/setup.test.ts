import { expect, test } from 'vitest';
import { setups } from './setup.ts';

test('the default is llm-d’s built-in configuration over a watched endpoints file', () => {
  expect(JSON.parse(setups.default.config('/run/endpoints.json'))).toEqual({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { type: 'queue-scorer' },
      { type: 'kv-cache-utilization-scorer' },
      { type: 'prefix-cache-scorer' },
      { type: 'max-score-picker' },
      { type: 'single-profile-handler' },
      { type: 'file-discovery', parameters: { path: '/run/endpoints.json', watchFile: true } },
    ],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: [
          { pluginRef: 'queue-scorer', weight: 2 },
          { pluginRef: 'kv-cache-utilization-scorer', weight: 2 },
          { pluginRef: 'prefix-cache-scorer', weight: 3 },
          { pluginRef: 'max-score-picker' },
        ],
      },
    ],
    dataLayer: { discovery: { pluginRef: 'file-discovery' } },
  });
});

test('setups differ in their endpoints or in their configuration', () => {
  const all = Object.values(setups).map(({ layout, config }) =>
    JSON.stringify([layout, config('x')]),
  );
  expect(new Set(all).size).toBe(all.length);
});
