import { apis } from '@llm-d/inference-api';
import { expect, test } from 'vitest';
import { isPlacedPath } from './placed-paths.ts';

test('every API that is understood is placed, under its usual path', () => {
  for (const { pathSuffixes } of Object.values(apis)) {
    for (const suffix of pathSuffixes) {
      expect([suffix, isPlacedPath(`/v1${suffix}`) || isPlacedPath(suffix)]).toEqual([
        suffix,
        true,
      ]);
    }
  }
});

test.each([
  ['/v1/chat/completions?x=/healthz', true],
  ['/v1/audio/transcriptions', true],
  ['/v1/models', false],
  ['/v1/load_lora_adapter', false],
  ['/metrics?/v1/completions', false],
  ['/v1/chat/completions/', false],
  ['//v1/chat/completions', false],
  ['http://elsewhere/v1/chat/completions', false],
  ['/', false],
  ['', false],
])('%j: %s', (url, placed) => {
  expect(isPlacedPath(url)).toBe(placed);
});
