import { expect, test } from 'vitest';
import { conformanceCases, selectCases } from './all-cases.ts';
import { topicOf, topics } from './conformance-case.ts';

test('every case has an id of its own', () => {
  const ids = conformanceCases.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('topics are in their order, and none is empty', () => {
  const seen = [...new Set(conformanceCases.map(topicOf))];
  expect(seen).toEqual([...topics]);
});

test('titles are sentences', () => {
  const others = conformanceCases.filter(({ title }) => !/^[\p{Lu}\d/a-z-].*[^.]$/u.test(title));
  expect(others).toEqual([]);
});

const ids = (...patterns: readonly string[]) => selectCases(patterns).map(({ id }) => id);

test('cases are selected by id, by topic and by pattern', () => {
  expect(ids('routing.header-only')).toEqual(['routing.header-only']);
  expect(ids('health').every((id) => id.startsWith('health.'))).toBe(true);
  expect(ids('*.header-only')).toEqual(['routing.header-only']);
  expect(ids('drain.exit', 'routing.answer-order')).toEqual(['routing.answer-order', 'drain.exit']);
  expect(ids()).toHaveLength(conformanceCases.length);
});

test('a pattern that matches nothing is an error', () => {
  expect(() => selectCases(['routing', 'rooting'])).toThrow('no case matches rooting');
  expect(() => selectCases(['routing.header.only'])).toThrow('no case matches');
});
