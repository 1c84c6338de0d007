import { createTempDir } from '@llm-d/test-kit';
import { expect, test } from 'vitest';
import { loadTokenizerDirectory } from './tokenizer-directory.ts';

async function load(files: Readonly<Record<string, string>>, chatTemplateFile?: string) {
  await using dir = await createTempDir();
  for (const [name, content] of Object.entries(files)) await dir.write(name, content);
  return await loadTokenizerDirectory(dir.path, {
    ...(chatTemplateFile !== undefined && { chatTemplateFile: `${dir.path}/${chatTemplateFile}` }),
  });
}

test.each<[string, Record<string, string>, string | undefined, object]>([
  [
    'a tokenizer alone',
    { 'tokenizer.json': '{"a":1}' },
    undefined,
    { tokenizerJson: { a: 1 }, tokenizerConfig: {} },
  ],
  [
    'all there is',
    {
      'tokenizer.json': '{}',
      'tokenizer_config.json': '{"b":2}',
      'config.json': '{"model_type":"qwen3"}',
      'chat_template.jinja': 'jinja',
      'chat_template.json': '{"chat_template":"json"}',
    },
    undefined,
    { tokenizerJson: {}, tokenizerConfig: { b: 2 }, chatTemplate: 'jinja', modelType: 'qwen3' },
  ],
  [
    'a template in JSON',
    { 'tokenizer.json': '{}', 'chat_template.json': '{"chat_template":"json"}' },
    undefined,
    { tokenizerJson: {}, tokenizerConfig: {}, chatTemplate: 'json' },
  ],
  [
    'another template',
    { 'tokenizer.json': '{}', 'chat_template.jinja': 'jinja', 'own.jinja': 'own' },
    'own.jinja',
    { tokenizerJson: {}, tokenizerConfig: {}, chatTemplate: 'own' },
  ],
])('reads %s', async (_, files, template, expected) => {
  expect(await load(files, template)).toEqual(expected);
});

test.each<[string, Record<string, string>, string | undefined, string, string]>([
  ['nothing', {}, undefined, 'TOKENIZER_FILES', 'tokenizer.json cannot be read'],
  ['half a file', { 'tokenizer.json': '{' }, undefined, 'TOKENIZER_FILES', 'is not JSON'],
  [
    'a missing template',
    { 'tokenizer.json': '{}' },
    'x.jinja',
    'TOKENIZER_FILES',
    'x.jinja cannot be read',
  ],
  [
    'files of Mistral',
    { 'tokenizer.json': '{}', 'tekken.json': '{}' },
    undefined,
    'TOKENIZER_UNSUPPORTED',
    'tekken.json',
  ],
])('refuses %s', async (_, files, template, code, message) => {
  await expect(load(files, template)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as unknown,
  });
});

test('refuses a folder that is not there', async () => {
  await expect(loadTokenizerDirectory('/nonexistent')).rejects.toMatchObject({
    code: 'TOKENIZER_FILES',
  });
});
