import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Heard, HeardOrder } from './heard-order.ts';

interface Entry extends Heard<Entry> {
  readonly id: number;
}

const entryOf = (id: number, heardMs: number): Entry => ({
  ...{ id, heardMs, before: undefined, after: undefined, isSilent: false },
});

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('add' as const), atMs: fc.nat(50) }),
    fc.record({ kind: fc.constant('touch' as const), which: fc.nat(), atMs: fc.nat(50) }),
    fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('silence' as const), sinceMs: fc.nat(50) }),
  ),
  { maxLength: 60 },
);

test('the oldest and the silent ones are those that a look at all of them finds', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const order = new HeardOrder<Entry>();
      const known: { entry: Entry; heardMs: number }[] = [];
      let silentBelowMs = -1;
      for (const [id, step] of all.entries()) {
        const which = 'which' in step ? known[step.which % Math.max(1, known.length)] : undefined;
        if (step.kind === 'add') {
          const entry = entryOf(id, step.atMs);
          order.add(entry);
          known.push({ entry, heardMs: step.atMs });
        } else if (step.kind === 'touch' && which !== undefined) {
          order.touch(which.entry, step.atMs);
          which.heardMs = Math.max(which.heardMs, step.atMs);
        } else if (step.kind === 'remove' && which !== undefined) {
          order.remove(which.entry);
          known.splice(known.indexOf(which), 1);
        } else if (step.kind === 'silence') {
          const before = known.filter(({ entry }) => !entry.isSilent);
          const fallen = [...order.fallSilent(step.sinceMs)].map(({ id: fallenId }) => fallenId);
          const expected = before.filter(({ heardMs }) => heardMs < step.sinceMs);
          expect(fallen.sort()).toEqual(expected.map(({ entry }) => entry.id).sort());
          silentBelowMs = Math.max(silentBelowMs, step.sinceMs);
          for (const { entry, heardMs } of known) {
            // Silence lasts until something newer is heard, whatever the limit has become.
            if (heardMs < step.sinceMs) expect(entry.isSilent).toBe(true);
            if (heardMs >= silentBelowMs) expect(entry.isSilent).toBe(false);
          }
        }
        const oldest = Math.min(...known.map(({ heardMs }) => heardMs));
        expect(order.oldest?.heardMs ?? Infinity).toBe(oldest);
      }
    }),
  );
});
