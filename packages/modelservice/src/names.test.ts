import fc from 'fast-check';
import { expect, test } from 'vitest';
import { childName, identityLabel, labelValue } from './names.ts';

const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const owner = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,80}[a-z0-9])?$/);
const suffix = fc.constantFrom('', '-epp', '-service-prefill', `-${'x'.repeat(63)}`);

test.each([
  ['a plain owner', 'llama', '-epp', 'llama-epp'],
  ['an owner with a dot', 'llama.3', '-epp', /^llama-3-[0-9a-f]{8}-epp$/],
  ['an owner that begins with a digit', '7b', '-epp', /^b-[0-9a-f]{8}-epp$/],
  ['an owner of digits', '70', '-epp', /^m-[0-9a-f]{8}-epp$/],
  ['an owner that is too long', 'a'.repeat(60), '-decode', /^a{47}-[0-9a-f]{8}-decode$/],
])('%s', (_, name, end, expected) => {
  expect(childName(name, end)).toMatch(expected);
});

test('every name is a DNS label', () => {
  fc.assert(
    fc.property(owner, suffix, fc.constantFrom(45, 63), (name, end, most) => {
      const child = childName(name, end, most);
      expect(child).toMatch(LABEL);
      expect(child.length).toBeLessThanOrEqual(most);
    }),
  );
});

test('two owners never share a child', () => {
  fc.assert(
    fc.property(owner, owner, suffix, (a, b, end) => {
      fc.pre(a !== b);
      expect(childName(a, end)).not.toBe(childName(b, end));
      expect(identityLabel(a)).not.toBe(identityLabel(b));
    }),
  );
});

test.each([
  ['Qwen/Qwen3-32B', 'qwen-qwen3-32b'],
  ['  meta-llama/Llama-3.1-8B ', 'meta-llama-llama-3-1-8b'],
  ['模型', /^[0-9a-f]{8}$/],
  ['m'.repeat(70), /^m{54}-[0-9a-f]{8}$/],
])('%s as a label', (text, expected) => {
  expect(labelValue(text)).toMatch(expected);
});
