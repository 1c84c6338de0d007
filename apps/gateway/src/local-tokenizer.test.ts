import { createTempDir, startModelServer } from '@llm-d/test-kit';
import { expect, test } from 'vitest';
import { ask, startTestGateway } from './gateway.testing.ts';

/** Knows the letters a and b, and both together. */
const tokenizerJson = {
  added_tokens: [{ id: 3, content: '<|turn|>', special: true }],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] },
};
const template = '{% for m in messages %}<|turn|>{{ m.content }}{% endfor %}';
const configFor = (directory: string) => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: token-producer
    parameters: { local: { directory: ${JSON.stringify(directory)}, timeout: 60s } }
  - type: token-load-scorer
schedulingProfiles:
  - name: default
    plugins: [{ pluginRef: token-load-scorer }]
`;

async function decisionOn(directory: string, content: string): Promise<unknown> {
  await using server = await startModelServer();
  await using gateway = await startTestGateway([server], '--config-text', configFor(directory));
  const body = { model: 'test-model', messages: [{ role: 'user', content }] };
  await (await ask(gateway, { body, headers: { 'x-request-id': 'r1' } })).text();
  return await (await fetch(`${gateway.url}/debug/decisions/r1`)).json();
}

test('prompts are tokenized in this process', async () => {
  await using folder = await createTempDir();
  await folder.write('tokenizer.json', JSON.stringify(tokenizerJson));
  await folder.write('chat_template.jinja', template);
  expect(JSON.stringify(await decisionOn(folder.path, 'abba'))).toContain('"promptTokens":4');
});

test('without the model’s files they are estimated, and the record says why', async () => {
  const decision = JSON.stringify(await decisionOn('/nonexistent', 'abba'));
  expect(decision).toContain('"tokensEstimatedFor":"/nonexistent cannot be read"');
});
