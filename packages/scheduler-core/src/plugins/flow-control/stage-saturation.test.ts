import { expect, test } from 'vitest';
import { Attributes } from '../../attribute.ts';
import { makeEndpoint } from '../../testing/index.ts';
import { stageSaturation } from './stage-saturation.ts';

/** A detector that finds the mean queue, of which 10 are full. */
const detector = {
  saturation: (endpoints: readonly { metrics: { waitingRequests: number } }[]) =>
    endpoints.reduce((sum, { metrics }) => sum + metrics.waitingRequests, 0) /
    (10 * endpoints.length),
};
const context = {
  nowMs: 0,
  unplaced: { requests: 0, bytes: 0 },
  attributes: new Attributes(),
};
const role = (name: string, queue: number, value?: string) => {
  const endpoint = makeEndpoint(name).queue(queue);
  return value === undefined ? endpoint : endpoint.label('llm-d.ai/role', value);
};

test.each([
  ['no endpoint is full', [], undefined, undefined, 1],
  ['endpoints without a role decode', [role('a', 2), role('b', 4)], undefined, 0.3, 0.3],
  ['the fuller stage counts', [role('p', 8, 'prefill'), role('d', 3, 'decode')], 0.8, 0.3, 0.8],
  ['a role for both counts twice', [role('a', 8, 'both'), role('d', 2, 'decode')], 0.8, 0.5, 0.8],
  [
    'what only encodes counts for nothing',
    [role('e', 9, 'encode'), role('d', 2, 'decode')],
    undefined,
    0.2,
    0.2,
  ],
  ['nor does a role nobody knows', [role('x', 1, 'dreamer')], undefined, undefined, 1],
  ['a pool for prefill alone is one too', [role('p', 4, 'prefill')], 0.4, undefined, 0.4],
] as const)('%s', (_, endpoints, prefill, decode, effective) => {
  expect(stageSaturation(detector, endpoints, context)).toEqual({ prefill, decode, effective });
});
