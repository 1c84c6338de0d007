import { expect, test } from 'vitest';
import { endFrames, readSequence, replayFrames, sequenceFrame } from './frames.ts';

test.each([
  [0, '0000000000000000'],
  [1, '0000000000000001'],
  [2 ** 32 + 258, '0000000100000102'],
])('%d is eight bytes, most significant first', (sequence, hex) => {
  expect(sequenceFrame(sequence).toString('hex')).toBe(hex);
  expect(readSequence(sequenceFrame(sequence))).toBe(sequence);
});

test('a number may have any length', () => {
  expect([
    readSequence(Buffer.of()),
    readSequence(Buffer.of(3)),
    readSequence(Buffer.of(1, 0)),
  ]).toEqual([0, 3, 256]);
});

test('the topic comes first in the layout of newer versions only', () => {
  const batch = { sequence: 1, payload: Buffer.from('p') };
  const hex = (frames: Buffer[]) => frames.map((frame) => frame.toString('hex'));
  expect(hex(replayFrames(batch, 't', 'vllm'))).toEqual(['74', '0000000000000001', '70']);
  expect(hex(replayFrames(batch, 't', 'legacy'))).toEqual(['0000000000000001', '70']);
  expect(hex(endFrames('vllm'))).toEqual(['', 'ffffffffffffffff', '']);
  expect(hex(endFrames('legacy'))).toEqual(['ffffffffffffffff', '']);
});
