import { expect, test } from 'vitest';
import { createDecisionLog, type DecisionRecord } from './decision-log.ts';

const record = (requestId: string, attempt = 1): DecisionRecord => ({
  requestId,
  attempt,
  generation: 1,
  atEpochMs: 0,
  atMs: 0,
  model: 'm',
  targetModel: 'm',
  promptTokens: undefined,
  waitedMs: 0,
  outcome: undefined,
  refusal: undefined,
  answer: undefined,
});

test('the latest records are kept, newest first', () => {
  const log = createDecisionLog(3);
  expect(log.recent(10)).toEqual([]);
  for (const id of ['a', 'b', 'c', 'd']) log.add(record(id));
  expect(log.recent(10).map(({ requestId }) => requestId)).toEqual(['d', 'c', 'b']);
  expect(log.recent(1).map(({ requestId }) => requestId)).toEqual(['d']);
  expect(log.find('a')).toEqual([]);
});

test('all attempts of a request are found, in their order', () => {
  const log = createDecisionLog(10);
  for (const [id, attempt] of [
    ['a', 1],
    ['b', 1],
    ['a', 2],
  ] as const)
    log.add(record(id, attempt));
  expect(log.find('a').map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test('a log without capacity keeps nothing', () => {
  const log = createDecisionLog(0);
  log.add(record('a'));
  expect(log.recent(10)).toEqual([]);
});
