import { createPickerRegistry } from '@llm-d/endpoint-picker';
import { loadConfig } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { honouredHeadersOf } from './honoured-headers.ts';

const honouredBy = (plugins: string): string[] => {
  const text = `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [${plugins}]\n`;
  const registry = createPickerRegistry();
  return [
    ...honouredHeadersOf(loadConfig(text, { registry, source: 'test', allowExperimental: true })),
  ];
};

test.each([
  ['{type: queue-scorer}', []],
  ['{type: header-profile-handler}', ['epp-profile']],
  ['{type: header-profile-handler, parameters: {headerName: X-Stage}}', ['x-stage']],
  ['{type: header-based-testing-filter}', ['test-epp-endpoint-selection']],
])('with %s clients may send %j', (plugins, expected) => {
  expect(honouredBy(plugins)).toEqual(expected);
});
