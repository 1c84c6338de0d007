import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnyPluginDefinition } from '../../plugin-definition.ts';
import { makePlugin } from '../../testing/index.ts';
import { edfOrderingPolicy } from './edf-ordering-policy/edf-ordering-policy.ts';
import { globalStrictFairnessPolicy } from './global-strict-fairness-policy/global-strict-fairness-policy.ts';
import { partOf, TestBand } from './policy.testing.ts';
import { programAwareFairness } from './program-aware-fairness/program-aware-fairness.ts';
import { roundRobinFairnessPolicy } from './round-robin-fairness-policy/round-robin-fairness-policy.ts';

const fairness = (definition: AnyPluginDefinition) =>
  partOf(makePlugin(definition), 'fairnessPolicy');
const edf = partOf(makePlugin(edfOrderingPolicy), 'orderingPolicy');
const drain = (band: TestBand): string => {
  let served = '';
  for (let next = band.take(); next !== undefined; next = band.take()) served += next.fairnessId;
  return served;
};

describe('global strict', () => {
  test('serves a band as one queue in the order of its ordering', () => {
    const band = new TestBand(fairness(globalStrictFairnessPolicy), edf);
    for (const [flow, expiresMs] of [
      ['a', 30],
      ['a', 10],
      ['b', 20],
      ['c', 5],
      ['b', 40],
    ] as const) {
      band.push(flow, { expiresMs });
    }
    expect(drain(band)).toBe('cabab');
  });

  test('serves equals of different flows as they came', () => {
    const band = new TestBand(fairness(globalStrictFairnessPolicy), { compare: () => 0 });
    for (const flow of 'abacab') band.push(flow);
    expect(drain(band)).toBe('abacab');
  });

  test('notices that the first of a flow has gone', () => {
    const band = new TestBand(fairness(globalStrictFairnessPolicy), edf);
    const urgent = band.push('a', { expiresMs: 1 });
    band.push('a', { expiresMs: 50 });
    band.push('b', { expiresMs: 20 });
    band.remove(urgent);
    expect(drain(band)).toBe('ba');
  });
});

describe('round robin', () => {
  test('gives every flow one turn after the other, however much it has', () => {
    const band = new TestBand(fairness(roundRobinFairnessPolicy));
    for (const flow of 'aaaabbc') band.push(flow);
    expect(drain(band)).toBe('abcabaa');
  });

  test('while a request is the first of its flow, no other flow has two turns before it', () => {
    const command = fc.oneof(
      fc.record({ push: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }),
      fc.record({ leave: fc.nat(40) }),
      fc.constant('take' as const),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const band = new TestBand(fairness(roundRobinFairnessPolicy));
        let waiting: ReturnType<TestBand['push']>[] = [];
        /** Turns of others since a flow became able to be served. */
        const passed = new Map<string, Map<string, number>>();
        for (const command of commands) {
          if (command === 'take') {
            const taken = band.take();
            expect(taken === undefined).toBe(waiting.length === 0);
            if (taken === undefined) continue;
            waiting = waiting.filter((request) => request !== taken);
            passed.delete(taken.fairnessId);
            for (const others of passed.values()) {
              const turns = (others.get(taken.fairnessId) ?? 0) + 1;
              others.set(taken.fairnessId, turns);
              expect(turns).toBeLessThanOrEqual(1);
            }
          } else if ('push' in command) waiting.push(band.push(command.push));
          else {
            const [left] = waiting.splice(command.leave, 1);
            if (left !== undefined) band.remove(left);
          }
          const flows = new Set(waiting.map(({ fairnessId }) => fairnessId));
          for (const flow of passed.keys()) if (!flows.has(flow)) passed.delete(flow);
          for (const flow of flows) if (!passed.has(flow)) passed.set(flow, new Map());
        }
      }),
    );
  });
});

test.each([globalStrictFairnessPolicy, roundRobinFairnessPolicy, programAwareFairness])(
  '$type serves everything that waits, once, in the order of its flow',
  (definition) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 }), (pushes) => {
        const band = new TestBand(fairness(definition));
        const pushed = pushes.map((flow) => band.push(flow));
        const served: typeof pushed = [];
        for (let next = band.take(); next; next = band.take()) served.push(next);
        expect(served.toSorted((a, b) => a.sequence - b.sequence)).toEqual(pushed);
        const byFlow = Object.values(Object.groupBy(served, ({ fairnessId }) => fairnessId));
        for (const flow of byFlow) {
          expect(flow).toEqual(flow?.toSorted((a, b) => a.sequence - b.sequence));
        }
      }),
    );
  },
);
