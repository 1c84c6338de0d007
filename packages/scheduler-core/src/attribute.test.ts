import { expect, test } from 'vitest';
import { Attributes, attribute } from './attribute.ts';

test('attributes of two producers of one kind are apart', () => {
  const gpu = attribute<number>('PrefixMatches', 'gpu');
  const cpu = attribute<number>('PrefixMatches', 'cpu');
  const attributes = new Attributes();
  attributes.set(gpu, 1);
  expect([attributes.get(gpu), attributes.get(cpu)]).toEqual([1, undefined]);
  attributes.set(gpu, 2);
  expect(attributes.get(attribute<number>('PrefixMatches', 'gpu'))).toBe(2);
});
