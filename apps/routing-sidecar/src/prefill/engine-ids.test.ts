import { VirtualClock } from '@llm-d/determinism';
import { expect, test } from 'vitest';
import { createEngineIds, NoEngineError, readEngineIds } from './engine-ids.ts';

const signal = new AbortController().signal;

test('an answer is believed for a while, or until it is forgotten', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const ask = () => Promise.resolve(Buffer.from(`{"0":{"engine_id":"e${++asked}"}}`));
  const ids = createEngineIds({ ask, clock, ttlMs: 1000 });
  const first = async () => (await ids.of('a:1', signal))[0]?.engineId;
  expect([await first(), await first()]).toEqual(['e1', 'e1']);
  clock.advance(1000);
  expect(await first()).toBe('e2');
  ids.forget('a:1');
  expect(await first()).toBe('e3');
});

test.each([
  [
    '{"0":{"engine_id":"a"},"1":{"engine_id":"b","x":1}}',
    [
      ['0', 'a'],
      ['1', 'b'],
    ],
  ],
  ['{"0":{"engine_id":7},"1":null}', []],
  ['[]', []],
  ['<html>', []],
  ['', []],
])('%s', (answer, expected) => {
  expect(readEngineIds(Buffer.from(answer)).map(({ rank, engineId }) => [rank, engineId])).toEqual(
    expected,
  );
});

test('an answer without engines is an error, and is asked for again', async () => {
  const answers = ['{}', '{"0":{"engine_id":"e"}}'];
  const ask = () => Promise.resolve(Buffer.from(answers.shift() ?? ''));
  const ids = createEngineIds({ ask, clock: new VirtualClock(), ttlMs: 1000 });
  await expect(ids.of('a:1', signal)).rejects.toBeInstanceOf(NoEngineError);
  expect(await ids.of('a:1', signal)).toHaveLength(1);
});
