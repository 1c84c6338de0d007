import {
  createPluginRegistry,
  instantiatePlugins,
  loadConfig,
  type FairnessPolicy,
} from '@llm-d/scheduler-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pickerPlugins } from '../config/picker-registry.ts';
import { band, poolOf } from './pool.testing.ts';

/** A fairness policy as a configuration creates it. */
function fairnessOf(type: string): FairnessPolicy {
  const registry = createPluginRegistry(pickerPlugins);
  const text = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: ${type}}, {type: queue-scorer}]
`;
  const { plugins } = instantiatePlugins(loadConfig(text, { registry }), registry);
  const policy = plugins.find(({ name }) => name === type)?.plugin.fairnessPolicy;
  if (policy === undefined) throw new Error(`${type} is no fairness policy`);
  return policy;
}

const policies = [
  'global-strict-fairness-policy',
  'round-robin-fairness-policy',
  'program-aware-fairness',
];

const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ask: fc.integer({ min: -2, max: 2 }), flow: fc.nat(4) }) },
  fc.record({ leave: fc.nat(20) }),
  fc.record({ pass: fc.integer({ min: 1, max: 400 }) }),
  fc.constantFrom('free' as const, 'free' as const, 'lose' as const, 'gain' as const),
);

describe.each(policies)('with %s', (type) => {
  test('everybody is told once, lower priorities never overtake, and nothing is left behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
        const fairness = fairnessOf(type);
        let open = 0;
        const set = poolOf(3, {
          bandOf: () =>
            band({
              ttlMs: 500,
              fairness: {
                forBand: (context) => fairness.forBand(context),
                dispatched: (request, nowMs) => {
                  open++;
                  fairness.dispatched?.(request, nowMs);
                },
                ended: (request, usage, nowMs) => {
                  open--;
                  fairness.ended?.(request, usage, nowMs);
                },
              },
            }),
          noEndpointTtlMs: 300,
          maxRequests: 12,
        });
        const asked: Promise<unknown>[] = [];
        const clients: AbortController[] = [];
        const waiting = new Map<string, number>();
        let ids = 0;
        let checked = 0;
        const check = (): void => {
          for (; checked < set.decided.length; checked++) {
            const { request, outcome } = set.decided[checked] as (typeof set.decided)[number];
            waiting.delete(request.id);
            if (outcome !== 'Dispatched') continue;
            for (const priority of waiting.values()) {
              expect(priority).toBeLessThanOrEqual(request.priority);
            }
          }
        };
        for (const command of commands) {
          if (command === 'free') set.free();
          else if (command === 'lose') set.setEndpoints(false);
          else if (command === 'gain') set.setEndpoints(true);
          else if ('ask' in command) {
            const client = new AbortController();
            clients.push(client);
            const id = `r${ids++}`;
            const { ask: priority, flow } = command;
            waiting.set(id, priority);
            asked.push(set.ask({ id, priority, fairnessId: `f${flow}` }, client.signal));
          } else if ('leave' in command) clients[command.leave]?.abort();
          else set.clock.advance(command.pass);
          check();
          await set.settle();
          expect(set.queuedNow()).toBe(set.controller.snapshot().requests);
        }
        set.clock.advance(1000);
        await Promise.all(asked);
        while (set.inFlight.length > 0) set.free();
        expect(set.decided).toHaveLength(asked.length);
        expect(set.controller.snapshot()).toMatchObject({ requests: 0, bytes: 0, unplaced: 0 });
        const flows = set.controller.snapshot().bands.flatMap((each) => [...each.flows()]);
        expect([flows, open, set.queuedNow(), set.clock.pendingTimers]).toEqual([[], 0, 0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});

test('in turns, no flow is served twice while another one waits for its first', async () => {
  const asks = fc.array(fc.nat(5), { minLength: 1, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(asks, async (flows) => {
      const set = poolOf(1, {
        bandOf: () => band({ fairness: fairnessOf('round-robin-fairness-policy') }),
      });
      void set.ask({ id: 'blocker', fairnessId: 'other' });
      for (const [i, flow] of flows.entries()) {
        void set.ask({ id: `${flow}`, fairnessId: `${flow}`, receivedMs: i });
      }
      while (set.inFlight.length > 0) {
        set.free();
        await set.settle();
      }
      const served = set.order.slice(1);
      expect(served.toSorted()).toEqual(flows.map(String).toSorted());
      // All wait from the start: each round serves every flow that has something left.
      for (let rest = served; rest.length > 0;) {
        const round = new Set(rest);
        expect(new Set(rest.slice(0, round.size))).toEqual(round);
        rest = rest.slice(round.size);
      }
    }),
    { numRuns: 40 },
  );
});

test('flows that are over take no memory', () => {
  const set = poolOf(1, { bandOf: () => band({ ttlMs: 10 }) });
  void set.ask();
  for (let i = 0; i < 5000; i++) {
    void set.ask({ fairnessId: `f${i}` });
    set.clock.advance(10);
  }
  const [only] = set.controller.snapshot().bands;
  expect([...(only?.flows() ?? [])]).toEqual([]);
  expect(set.controller.snapshot().bands).toHaveLength(1);
});
