import { expect, test } from 'vitest';
import { parseModelUri } from './model-uri.ts';

test.each([
  ['hf://Qwen/Qwen3-0.6B', { kind: 'hf', repo: 'Qwen/Qwen3-0.6B' }],
  ['pvc://claim/a/b', { kind: 'pvc', claim: 'claim', path: 'a/b' }],
  [
    'pvc+hf://c/hub/Qwen/Qwen3',
    { kind: 'pvc+hf', claim: 'c', cachePath: 'hub', repo: 'Qwen/Qwen3' },
  ],
  ['pvc+hf://c/Qwen/Qwen3', { kind: 'pvc+hf', claim: 'c', cachePath: '', repo: 'Qwen/Qwen3' }],
  [
    'oci://r.io:5000/a/b:v1',
    { kind: 'oci', image: 'r.io:5000/a/b:v1', path: 'models', native: false },
  ],
  ['oci+native://a/b::/w/x', { kind: 'oci', image: 'a/b', path: 'w/x', native: true }],
  ['oci://a/b::/', { kind: 'oci', image: 'a/b', path: '', native: false }],
  ['s3://bucket/a/b/', { kind: 's3', bucket: 'bucket', path: 'a/b' }],
  ['gs://bucket/a', { kind: 'gs', bucket: 'bucket', path: 'a' }],
])('%s', (uri, source) => {
  expect(parseModelUri(uri)).toEqual({ source });
});

test.each([
  'Qwen/Qwen3',
  'ftp://a/b',
  'hf://gpt2',
  'hf://a/b/c',
  'hf:///b',
  'hf://a/b c',
  'pvc://claim',
  'pvc://Claim/a',
  'pvc://claim/../a',
  'pvc://claim/a;b',
  'pvc+hf://claim/model',
  'oci://',
  'oci://a b',
  'oci://a::b',
  'oci://a::/b::/c',
  's3://bucket',
  'gs://bucket/$(x)',
  'hf://a/b\nc',
])('%j is refused with a message', (uri) => {
  expect(parseModelUri(uri)).toEqual({ message: expect.stringMatching(/^must b/) as string });
});
