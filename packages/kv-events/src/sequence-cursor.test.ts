import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type RestartEvidence,
  type SequencePosition,
  epochOf,
  judgeSequence,
} from './sequence-cursor.ts';

const at = (sequence: number): SequencePosition => ({ given: 'uid', inferred: 0, sequence });
const evidence = (rest: Partial<RestartEvidence> = {}): RestartEvidence => ({
  isFirstOfConnection: false,
  hasClear: () => false,
  ...rest,
});
const first = evidence({ isFirstOfConnection: true });
const clearing = evidence({ hasClear: () => true });

test.each([
  ['the next number is applied', 4, 5, evidence(), 'apply'],
  ['the first number of all is 0', -1, 0, evidence(), 'apply'],
  ['a number further on leaves a gap', 4, 9, evidence(), 'gap'],
  ['a number passed is a duplicate', 9, 7, evidence(), 'duplicate'],
  ['the last number again is a duplicate', 9, 9, first, 'duplicate'],
  ['a number passed, first of its connection, is a restart', 9, 7, first, 'restart'],
  ['a number passed that clears is a restart', 9, 9, clearing, 'restart'],
  ['0 behind a larger cursor is a restart', 9, 0, evidence(), 'restart'],
  ['1 behind a larger cursor is a restart', 9, 1, evidence(), 'restart'],
  ['1 twice is a duplicate', 1, 1, evidence(), 'duplicate'],
  ['0 twice is a duplicate', 0, 0, evidence(), 'duplicate'],
  ['1024 behind is a restart', 1100, 76, evidence(), 'restart'],
  ['1023 behind is a duplicate', 1100, 77, evidence(), 'duplicate'],
  ['without evidence 0 is a duplicate', 9, 0, undefined, 'duplicate'],
  ['without evidence far behind is a duplicate', 9000, 3, undefined, 'duplicate'],
] as const)('%s', (_, last, sequence, evidenceOf, kind) => {
  const batch = { sequence, epoch: 'uid', evidence: evidenceOf };
  expect(judgeSequence(at(last), batch).kind).toBe(kind);
});

test('a gap names what is missing', () => {
  const verdict = judgeSequence(at(4), { sequence: 9, epoch: 'uid' });
  expect(verdict).toEqual({ kind: 'gap', from: 5, to: 8 });
});

test('an inferred restart is a new epoch, and a given one wins over it', () => {
  const inferred = judgeSequence(at(9), { sequence: 0, epoch: 'uid', evidence: evidence() });
  if (inferred.kind !== 'restart') throw new Error('no restart');
  expect([epochOf(inferred.position), inferred.position.sequence]).toEqual(['uid/1', -1]);
  const given = judgeSequence(inferred.position, { sequence: 0, epoch: 'uid2', evidence: first });
  if (given.kind !== 'restart') throw new Error('no restart');
  expect(epochOf(given.position)).toBe('uid2');
});

test('a batch is decoded only when its number alone does not tell', () => {
  const unasked = evidence({
    hasClear: () => {
      throw new Error('asked');
    },
  });
  for (const sequence of [0, 10, 12]) {
    expect(() => judgeSequence(at(9), { sequence, epoch: 'uid', evidence: unasked })).not.toThrow();
  }
});

/** What happens to the batches of one publisher on their way. */
const mishap = fc.oneof(
  { weight: 6, arbitrary: fc.constant('deliver' as const) },
  { weight: 2, arbitrary: fc.constant('lose' as const) },
  { weight: 1, arbitrary: fc.constant('repeat' as const) },
  { weight: 1, arbitrary: fc.constant('swap' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

interface Sent {
  readonly life: number;
  readonly sequence: number;
}

/** What arrives of a publisher whose every batch meets one of the mishaps. */
function arrivals(mishaps: readonly string[]): Sent[] {
  const arrived: Sent[] = [];
  let life = 0;
  let sequence = 0;
  for (const one of mishaps) {
    if (one === 'restart') {
      life++;
      sequence = 0;
    }
    const sent = { life, sequence: sequence++ };
    if (one === 'lose') continue;
    arrived.push(sent);
    if (one === 'repeat') arrived.push(sent);
    const before = arrived.at(-2);
    if (one === 'swap' && before?.life === life) arrived.splice(-2, 2, sent, before);
  }
  return arrived;
}

/** Follows as any user of the cursor does: what is missing before a batch is given up. */
function follow(
  batches: readonly Sent[],
  { givenEpochs }: { readonly givenEpochs: boolean },
): { applied: Sent[]; missed: Sent[]; epochs: Set<string> } {
  const applied: Sent[] = [];
  const missed: Sent[] = [];
  const epochs = new Set<string>();
  let position: SequencePosition = { given: givenEpochs ? '0' : '', inferred: 0, sequence: -1 };
  let life = 0;
  for (const batch of batches) {
    const epoch = givenEpochs ? String(batch.life) : '';
    const isFirstOfConnection = !givenEpochs && batch.life !== life;
    life = batch.life;
    const seen = {
      sequence: batch.sequence,
      epoch,
      evidence: givenEpochs ? undefined : evidence({ isFirstOfConnection }),
    };
    let verdict = judgeSequence(position, seen);
    if (verdict.kind === 'restart') {
      ({ position } = verdict);
      verdict = judgeSequence(position, seen);
    }
    if (verdict.kind === 'duplicate') continue;
    if (verdict.kind === 'gap') {
      for (let sequence = verdict.from; sequence <= verdict.to; sequence++) {
        missed.push({ life: batch.life, sequence });
      }
    }
    applied.push(batch);
    epochs.add(epochOf(position));
    position = { ...position, sequence: batch.sequence };
  }
  return { applied, missed, epochs };
}

describe('whatever is lost, repeated, reordered or restarted', () => {
  test('with given epochs, each batch is applied once or counted as missed, in rising order', () => {
    fc.assert(
      fc.property(fc.array(mishap, { maxLength: 200 }), (mishaps) => {
        const batches = arrivals(mishaps);
        const { applied, missed } = follow(batches, { givenEpochs: true });
        // Straight from the definition: a life's batches up to the last that arrived, each that came in order once.
        const expected: Sent[] = [];
        const gone: Sent[] = [];
        for (const life of new Set(batches.map((batch) => batch.life))) {
          let highest = -1;
          for (const batch of batches.filter((one) => one.life === life)) {
            if (batch.sequence <= highest) continue;
            for (let sequence = highest + 1; sequence < batch.sequence; sequence++) {
              gone.push({ life, sequence });
            }
            expected.push(batch);
            highest = batch.sequence;
          }
        }
        expect(applied).toEqual(expected);
        expect(missed).toEqual(gone);
      }),
    );
  });

  test('without given epochs, a life that falls back gets an epoch of its own, and only its very number hides it', () => {
    fc.assert(
      fc.property(fc.array(mishap, { maxLength: 200 }), (mishaps) => {
        // Repeated or out of order, the first batches of a life look like a restart of their own.
        const batches = arrivals(mishaps.filter((one) => one !== 'swap' && one !== 'repeat'));
        const { applied, epochs } = follow(batches, { givenEpochs: false });
        const before = (i: number): Sent => batches[i - 1] ?? { life: 0, sequence: -1 };
        expect(applied).toEqual(
          batches.filter((batch, i) => batch.sequence !== before(i).sequence),
        );
        const fallen = batches.filter((batch, i) => batch.sequence < before(i).sequence);
        expect(epochs.size).toBe(batches.length === 0 ? 0 : fallen.length + 1);
      }),
    );
  });
});
