import { expect, test } from 'vitest';
import { ReplayBuffer } from './replay-buffer.ts';

const filled = (capacity: number, count: number) => {
  const buffer = new ReplayBuffer(capacity);
  for (let i = 0; i < count; i++) buffer.add(Buffer.of(i));
  return buffer;
};
const said = (buffer: ReplayBuffer, from: number) =>
  buffer.from(from).map(({ sequence, payload }) => [sequence, payload[0]]);

test.each([
  [5, 3, 0, [0, 1, 2]],
  [5, 3, 2, [2]],
  [5, 3, 3, []],
  [3, 7, 0, [4, 5, 6]],
  [3, 7, 5, [5, 6]],
  [3, 0, 0, []],
])('of capacity %d with %d batches has, from %d on, %j', (capacity, count, from, expected) => {
  expect(said(filled(capacity, count), from)).toEqual(expected.map((i) => [i, i]));
});
