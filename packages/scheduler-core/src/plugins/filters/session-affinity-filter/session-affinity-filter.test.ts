import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { sessionAffinityFilter } from './session-affinity-filter.ts';

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;
const cycleOf = (header: string, value: string) =>
  makeCycle({ request: { headers: new Map([[header, value]]) } });
const tokenOf = (id: string): string => Buffer.from(id).toString('base64');

test('the session filter keeps only the endpoint that the client names', () => {
  const { filter } = makePlugin(sessionAffinityFilter);
  expect(filter?.filter(cycleOf('x-session-token', tokenOf(b.id)), [a, b, c])).toEqual([b]);
});

test.each([
  ['nothing is known of the session', makeCycle()],
  ['its endpoint is gone', cycleOf('x-session-token', tokenOf('default/z-rank-0'))],
  ['the token is nonsense', cycleOf('x-session-token', '%%')],
])('the session filter keeps all where %s', (_name, cycle) => {
  const candidates = [a, b];
  expect(makePlugin(sessionAffinityFilter).filter?.filter(cycle, candidates)).toBe(candidates);
});

test('the session filter remembers where a session went', () => {
  const { filter, preRequest } = makePlugin(sessionAffinityFilter, { strategy: 'session_id' });
  const cycle = cycleOf('x-session-id', 's');
  preRequest?.preRequest(
    cycle,
    { kind: 'scheduled', primary: 'default', endpoints: [c], outcomes: new Map() },
    new Map(),
  );
  expect(filter?.filter(cycle, [a, b, c])).toEqual([c]);
  expect(filter?.filter(cycleOf('x-session-id', 'another'), [a, b, c])).toEqual([a, b, c]);
});
