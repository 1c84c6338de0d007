import { expect, test } from 'vitest';
import { makePlugin } from '../../../testing/index.ts';
import { agentIdentity } from './agent-identity.ts';

test.each([
  ['the first known header', { session_id: 'd', 'session-id': 'c' }, 'c'],
  ['any known header', { session_id: 'd' }, 'd'],
  ['the most telling one', { 'x-session-affinity': 'b', 'x-claude-code-session-id': 'a' }, 'a'],
  ['an own header before all', { 'x-mine': 'm', 'x-claude-code-session-id': 'a' }, 'm'],
  ['the next one where one is empty', { 'x-mine': '', 'session-id': 'c' }, 'c'],
  ['nothing where none is there', { 'x-request-id': 'r' }, undefined],
])('a session is known by %s', (_name, headers, expected) => {
  const { requestHeaders } = makePlugin(agentIdentity, { additionalSessionHeaders: ['X-Mine'] });
  expect(requestHeaders?.fairnessIdOf(new Map(Object.entries(headers)))).toBe(expected);
});
