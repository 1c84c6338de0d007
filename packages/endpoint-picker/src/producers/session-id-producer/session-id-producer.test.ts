import { sessionId } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { instantiate, produce } from '../producing.testing.ts';
import { sessionIdProducer } from './session-id-producer.ts';

test.each([
  [{}, { 'x-session-id': 's' }, 's'],
  [{}, { 'x-session-id': '' }, undefined],
  [{}, {}, undefined],
  [{ headerName: 'X-Conversation' }, { 'x-conversation': 'c', 'x-session-id': 's' }, 'c'],
  [{ cookieName: 'sid' }, { cookie: 'a=1; sid=s; b=2' }, 's'],
  [{ cookieName: 'sid' }, { cookie: 'a=1,sid=s=t' }, 's=t'],
  [{ cookieName: 'sid' }, { cookie: 'sid="quoted"' }, 'quoted'],
  [{ cookieName: 'sid' }, { cookie: 'xsid=1; sid; SID=2' }, undefined],
  [{ cookieName: 'sid' }, { 'x-session-id': 's' }, undefined],
])('with %j the session of %j is %s', async (parameters, headers, expected) => {
  const plugin = instantiate(sessionIdProducer, { parameters });
  const cycle = await produce(plugin, { request: { headers: new Map(Object.entries(headers)) } });
  expect(cycle.attributes.get(sessionId())).toBe(expected);
});

test('a header and a cookie at once are refused', () => {
  const both = { headerName: 'h', cookieName: 'c' };
  expect(sessionIdProducer.parameters.safeParse(both).success).toBe(false);
});
