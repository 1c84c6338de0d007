import { expect, test } from 'vitest';
import { describeFlowControl, MAX_FLOWS } from './flow-snapshot.ts';
import { band, poolOf } from './pool.testing.ts';

test('a description is plain data, the busiest flows in front', () => {
  const set = poolOf(2, {
    priorities: [3],
    bandOf: (priority) => band({ maxRequests: priority === 3 ? 50 : 0 }),
  });
  for (const flow of ['x', 'x', 'a', 'b', 'b', 'b']) void set.ask({ fairnessId: flow });
  set.clock.advance(250);
  const description = describeFlowControl(set.controller.snapshot());
  expect(JSON.parse(JSON.stringify(description))).toEqual({
    requests: 4,
    bytes: 400,
    unplaced: 0,
    saturation: { prefill: null, decode: null, effective: 1 },
    bands: [
      {
        priority: 3,
        requests: 0,
        bytes: 0,
        maxRequests: 50,
        maxBytes: null,
        flows: [],
        moreFlows: 0,
      },
      {
        priority: 0,
        requests: 4,
        bytes: 400,
        maxRequests: null,
        maxBytes: null,
        flows: [
          { fairnessId: 'b', requests: 3, bytes: 300, headWaitMs: 250 },
          { fairnessId: 'a', requests: 1, bytes: 100, headWaitMs: 250 },
        ],
        moreFlows: 0,
      },
    ],
    eviction: null,
  });
});

test('a band with very many flows is cut short', () => {
  const set = poolOf(0.1);
  for (let i = 0; i <= MAX_FLOWS + 5; i++) void set.ask({ fairnessId: `f${i}` });
  const [only] = describeFlowControl(set.controller.snapshot()).bands;
  expect([only?.flows.length, only?.moreFlows]).toEqual([MAX_FLOWS, 5]);
});
