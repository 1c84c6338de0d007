import { describe, expect, test } from 'vitest';
import {
  controlHeader,
  isControlHeader,
  isPlatformHeader,
  isSystemOwnedHeader,
  type ControlPurpose,
} from './control-headers.ts';

const generations: readonly (readonly [ControlPurpose, string, string])[] = [
  ['fairness-id', 'x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id'],
  ['objective', 'x-llm-d-inference-objective', 'x-gateway-inference-objective'],
  ['model', 'x-llm-d-model-name-rewrite', 'x-gateway-model-name-rewrite'],
  ['slo-ttft-ms', 'x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms'],
  ['slo-tpot-ms', 'x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'],
];

describe.each(generations)('the header for %s', (purpose, current, former) => {
  test('is read under its current name, and under its former one', () => {
    expect(controlHeader(new Map([[current, 'new']]), purpose)).toBe('new');
    expect(controlHeader(new Map([[former, 'old']]), purpose)).toBe('old');
    expect(controlHeader(new Map(), purpose)).toBeUndefined();
  });

  test('counts under its current name where both are there', () => {
    const both = new Map([
      [former, 'old'],
      [current, 'new'],
    ]);
    expect(controlHeader(both, purpose)).toBe('new');
  });

  test('is the client’s to send, and not passed on as one of its own', () => {
    expect([isPlatformHeader(current), isPlatformHeader(former)]).toEqual([false, false]);
    expect([isSystemOwnedHeader(current), isSystemOwnedHeader(former)]).toEqual([true, true]);
    expect([isControlHeader(current), isControlHeader(former)]).toEqual([true, true]);
  });
});

test.each([
  'x-gateway-destination-endpoint',
  'x-gateway-destination-endpoint-subset',
  'x-prefiller-host-port',
  'x-encoder-hosts-ports',
  'x-data-parallel-host-port',
  'x-data-parallel-rank',
  'x-kv-cache-source-host-port',
  'epp-profile',
  'test-epp-endpoint-selection',
])('%s is the platform’s alone', (name) => {
  expect([isPlatformHeader(name), isControlHeader(name)]).toEqual([true, true]);
});

test.each(['content-type', 'authorization', 'x-request-id', 'x-session-id', 'prefer'])(
  '%s is an ordinary header',
  (name) => {
    expect([isPlatformHeader(name), isControlHeader(name)]).toEqual([false, false]);
    expect(isSystemOwnedHeader(name)).toBe(false);
  },
);
