import { describe, expect, test } from 'vitest';
import { createDebugGate } from './debug-header.ts';
import {
  chatBody,
  createScene,
  requestBody,
  requestHead,
  responseHead,
} from './session.testing.ts';

test.each([
  ['the secret', 'secret', 'secret', true],
  ['something else', 'secret', 'secrets', false],
  ['nothing', 'secret', undefined, false],
  ['an empty text where there is no secret', undefined, '', false],
])('%s opens the gate: %s, %s', (_, secret, value, open) => {
  expect(createDebugGate(secret)(value)).toBe(open);
});

describe('an answer', () => {
  const headersFor = async (debug: string) => {
    const scene = createScene();
    const peer = scene.open();
    await peer.say(requestHead({ 'x-llm-d-debug': debug }), requestBody(chatBody()));
    const [request] = peer.replies;
    await peer.say(responseHead());
    const mutation = peer.replies.at(-1)?.responseHeaders?.response?.headerMutation;
    const told = mutation?.setHeaders.find(({ header }) => header?.key === 'x-llm-d-decision');
    return {
      removed: request?.requestHeaders?.response?.headerMutation?.removeHeaders,
      told: told && Buffer.from(told.header?.rawValue ?? []).toString(),
    };
  };

  test('tells those who know the secret of the decision', async () => {
    const { told, removed } = await headersFor('open sesame');
    expect(JSON.parse(told ?? '')).toMatchObject({
      attempt: 1,
      candidates: 2,
      rated: [{ scores: { 'queue-scorer': 2 } }, {}],
    });
    expect(removed).toContain('x-llm-d-debug');
  });

  test('tells nobody else, and the header goes no further', async () => {
    const { told, removed } = await headersFor('please');
    expect(told).toBeUndefined();
    expect(removed).toContain('x-llm-d-debug');
  });
});
