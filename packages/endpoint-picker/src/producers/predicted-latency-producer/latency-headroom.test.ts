import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { headroomOf } from './latency-headroom.ts';
import { createRunningRequests } from './running-requests.ts';

const decode = makeEndpoint('d').label('role', 'decode');
const prefill = makeEndpoint('p').label('role', 'prefill');
const streaming = { sloBufferFactor: 1, streamingMode: true, endpointRoleLabel: 'role' };

test.each([
  ['what the objectives leave', streaming, decode, [], { ttftHeadroomMs: 80, tpotHeadroomMs: 20 }],
  [
    'less where something tighter runs already',
    streaming,
    decode,
    [40, 18],
    { ttftHeadroomMs: 80, tpotHeadroomMs: 8, dispatchedRequests: 2 },
  ],
  ['no more where something looser runs', streaming, decode, [90], { tpotHeadroomMs: 20 }],
  [
    'less with a buffer, for what runs as well',
    { ...streaming, sloBufferFactor: 0.5 },
    decode,
    [24],
    { tpotHeadroomMs: 2 },
  ],
  [
    'nothing for further tokens of whole answers',
    { ...streaming, streamingMode: false },
    decode,
    [1],
    { ttftHeadroomMs: 80, tpotHeadroomMs: 0 },
  ],
  [
    'nothing for further tokens where there are none',
    streaming,
    prefill,
    [1],
    { tpotHeadroomMs: 0 },
  ],
])('headroom is %s', (_, settings, endpoint, objectivesOfRunning, expected) => {
  const running = createRunningRequests(1000);
  for (const objective of objectivesOfRunning) running.start(endpoint, objective, 0);
  const headroom = headroomOf(
    endpoint,
    { ttftMs: 120, tpotMs: 10 },
    { settings, objectives: { ttftMs: 200, tpotMs: 30 }, running, nowMs: 0 },
  );
  expect(headroom).toMatchObject({ ttftMs: 120, tpotMs: 10, ...expected });
});

test('without objectives every prediction is late', () => {
  const running = createRunningRequests(1000);
  const objectives = { ttftMs: 0, tpotMs: 0 };
  const context = { settings: streaming, objectives, running, nowMs: 0 };
  expect(headroomOf(decode, { ttftMs: 120, tpotMs: 10 }, context)).toMatchObject({
    ttftHeadroomMs: -120,
    tpotHeadroomMs: -10,
  });
});
