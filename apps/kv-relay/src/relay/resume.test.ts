import type { KvMessage } from '@llm-d/kv-events';
import { makeBatch, makeGone, makeLoss, makeSource } from '@llm-d/kv-events/testing';
import { expect, test } from 'vitest';
import { resumeFrom } from './resume.ts';

/** What is on the bus, in its order. */
const resume = (epoch: string, messages: readonly KvMessage[]) => {
  const latest = (wanted: (message: KvMessage) => boolean) => {
    const index = messages.findLastIndex(wanted);
    const message = messages[index];
    return Promise.resolve(message && { message, position: index + 1 });
  };
  const bus = {
    latestOf: () => latest(({ kind }) => kind !== 'gone'),
    latestGoneOf: () => latest(({ kind }) => kind === 'gone'),
  };
  return resumeFrom(bus, { pod: 'a', dpRank: 0, epoch });
};
const batch = (epoch: string, sequence: number) => makeBatch(makeSource('a', { epoch }), sequence);
const payload = expect.any(Uint8Array) as Uint8Array;
const gone = (receivedMs: number) => ({ ...makeGone('a'), receivedMs });

test.each([
  ['nothing', [], { given: 'u.0', after: undefined }],
  ['a batch', [batch('u.0', 7)], { given: 'u.0', after: { inferred: 0, sequence: 7, payload } }],
  [
    'a loss',
    [batch('u.0', 7), makeLoss(makeSource('a', { epoch: 'u.0' }), 8, 20)],
    { given: 'u.0', after: { inferred: 0, sequence: 20 } },
  ],
  [
    'a batch after a restart that was inferred',
    [batch('u.0/2', 3)],
    { given: 'u.0', after: { inferred: 2, sequence: 3, payload } },
  ],
  ['a batch of a former life', [batch('u.00', 7)], { given: 'u.0', after: undefined }],
  ['the end of this life', [batch('u.0', 7), gone(36)], { given: 'u.0+10', after: undefined }],
  [
    'a batch after that',
    [batch('u.0', 7), gone(36), batch('u.0+10', 9)],
    { given: 'u.0+10', after: { inferred: 0, sequence: 9, payload } },
  ],
  ['a second end', [batch('u.0+10', 9), gone(37)], { given: 'u.0+11', after: undefined }],
] as const)('with %s on the bus', async (_title, messages, expected) => {
  expect(await resume('u.0', messages)).toEqual(expected);
});
