import { describe, expect, test } from 'vitest';
import { attribute } from '../../../attribute.ts';
import type { SchedulingCycle } from '../../../cycle.ts';
import type { Endpoint } from '../../../endpoint.ts';
import type { Plugin } from '../../../plugin-contracts.ts';
import type { SchedulingResult } from '../../../scheduling-result.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { sessionAffinityScorer } from './session-affinity-scorer.ts';

const [a, b] = [makeEndpoint('a'), makeEndpoint('b')] as const;
const token = Buffer.from('default/b-rank-0').toString('base64');

const resultOf = (decode: Endpoint, prefill: Endpoint = decode): SchedulingResult => {
  const outcome = (profile: string, endpoint: Endpoint) => ({
    profile,
    candidates: [endpoint],
    filters: [],
    scored: [endpoint],
    scorers: [],
    totals: [1],
    picked: [endpoint],
  });
  return {
    kind: 'scheduled',
    primary: 'decode',
    endpoints: [decode],
    outcomes: new Map([
      ['decode', outcome('decode', decode)],
      ['prefill', outcome('prefill', prefill)],
    ]),
  };
};

const withHeader = (name: string, value: string, nowMs = 0): SchedulingCycle =>
  makeCycle({ request: { headers: new Map([[name, value]]) }, nowMs });
const scores = (plugin: Plugin, cycle: SchedulingCycle): number[] =>
  Array.from(plugin.scorer?.score(cycle, [a, b]) ?? []);

describe('affinity by an encoded endpoint', () => {
  test('pins the endpoint that the header names', () => {
    expect(scores(makePlugin(sessionAffinityScorer), withHeader('x-session-token', token))).toEqual(
      [0, 1],
    );
  });

  test.each([
    ['no header', makeCycle()],
    ['nonsense', withHeader('x-session-token', '%%%')],
    [
      'an endpoint that is gone',
      withHeader('x-session-token', Buffer.from('default/z-rank-0').toString('base64')),
    ],
  ])('prefers none with %s', (_name, cycle) => {
    expect(scores(makePlugin(sessionAffinityScorer), cycle)).toEqual([0, 0]);
  });

  test.each([
    { name: 'the destination', parameters: {}, header: 'x-session-token' },
    {
      name: "another profile's choice",
      parameters: {
        profileName: 'prefill',
        encodedEndpointHeaderConfig: { header: 'X-Session-Token-Prefill' },
      },
      header: 'x-session-token-prefill',
    },
  ])('tells the client $name', ({ parameters, header }) => {
    const plugin = makePlugin(sessionAffinityScorer, parameters);
    const clientHeaders = new Map<string, string>();
    const result = header === 'x-session-token' ? resultOf(b, a) : resultOf(a, b);
    plugin.response?.responseHeaders?.({ cycle: makeCycle(), result }, new Map(), clientHeaders);
    expect([...clientHeaders]).toEqual([[header, token]]);
  });
});

describe('affinity by session id', () => {
  const place = (plugin: Plugin, cycle: SchedulingCycle, result: SchedulingResult): void => {
    plugin.preRequest?.preRequest(cycle, result, new Map());
  };

  test('remembers where a session went, for as long as it says', () => {
    const plugin = makePlugin(sessionAffinityScorer, {
      strategy: 'session_id',
      sessionIdConfig: { evictionTtlSeconds: 1 },
    });
    expect(scores(plugin, withHeader('x-session-id', 's'))).toEqual([0, 0]);
    place(plugin, withHeader('x-session-id', 's'), resultOf(b));
    expect(scores(plugin, withHeader('x-session-id', 's', 1000))).toEqual([0, 1]);
    expect(scores(plugin, withHeader('x-session-id', 'another'))).toEqual([0, 0]);
    expect(scores(plugin, withHeader('x-session-id', 's', 1001))).toEqual([0, 0]);
  });

  test('looks through its sources in order', () => {
    const sessionId = attribute<string>('SessionID', 'session-id-producer');
    const plugin = makePlugin(sessionAffinityScorer, {
      strategy: 'session_id',
      sessionIdConfig: {
        sources: [
          { header: 'X-Mine' },
          { attribute: 'SessionID', producer: 'session-id-producer' },
        ],
      },
    });
    const byAttribute = makeCycle({ attributes: [[sessionId, 's']] });
    place(plugin, byAttribute, resultOf(a));
    expect(scores(plugin, byAttribute)).toEqual([1, 0]);
    expect(scores(plugin, withHeader('x-mine', 's'))).toEqual([1, 0]);
    expect(scores(plugin, withHeader('x-session-id', 's'))).toEqual([0, 0]);
  });

  test('remembers nothing for a request without a session', () => {
    const plugin = makePlugin(sessionAffinityScorer, { strategy: 'session_id' });
    place(plugin, makeCycle(), resultOf(a));
    expect(scores(plugin, makeCycle())).toEqual([0, 0]);
  });

  test('pins the choice of the profile it is told', () => {
    const plugin = makePlugin(sessionAffinityScorer, {
      strategy: 'session_id',
      profileName: 'prefill',
    });
    const cycle = withHeader('x-session-id', 's');
    place(plugin, cycle, resultOf(a, b));
    expect(scores(plugin, cycle)).toEqual([0, 1]);
  });

  test('declares the attributes it reads', () => {
    const parameters = sessionAffinityScorer.parameters.parse({
      strategy: 'session_id',
      sessionIdConfig: { sources: [{ attribute: 'SessionID', producer: 'p' }, { header: 'h' }] },
    });
    expect(sessionAffinityScorer.consumes?.(parameters)).toEqual([attribute('SessionID', 'p')]);
  });
});

test.each([
  [{ sources: [{}] }],
  [{ sources: [{ header: 'h', attribute: 'a', producer: 'p' }] }],
  [{ sources: [{ attribute: 'a' }] }],
  [{ sources: [] }],
])('session sources %j are refused', (sessionIdConfig) => {
  expect(sessionAffinityScorer.parameters.safeParse({ sessionIdConfig }).success).toBe(false);
});
