import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { ProfileError, parseProfile } from './profile.ts';

const good = readFileSync(new URL('../profiles/llama-3.1-8b-a100.yaml', import.meta.url), 'utf8');

test('a profile is read with its numbers and without their sources', () => {
  expect(parseProfile(good, 'good.yaml')).toMatchObject({
    name: 'llama-3.1-8b-a100',
    numGpuBlocks: 23750,
    step: { prefillTokensPerSecond: 12000, perSequenceLimit: 1024 },
  });
});

const changed = (path: string[], value: unknown): string => {
  const document = parse(good) as Record<string, unknown>;
  let place = document;
  for (const field of path.slice(0, -1)) place = place[field] as Record<string, unknown>;
  place[path.at(-1) ?? ''] = value;
  return stringify(document);
};

test.each([
  ['a missing number', changed(['numGpuBlocks'], undefined), 'numGpuBlocks:'],
  ['a number without its source', changed(['step', 'baseMs'], { value: 1 }), 'step.baseMs.source:'],
  ['an unknown field', changed(['extra'], 1), 'extra'],
  ['a step that takes no time', changed(['step', 'baseMs', 'value'], 0), 'step.baseMs.value:'],
  ['broken YAML', 'name: [', 'bad.yaml is not an engine profile'],
  ['something else', '42', 'document:'],
])('%s is refused with its place', (_, text, message) => {
  const read = () => parseProfile(text, 'bad.yaml');
  expect(read).toThrow(ProfileError);
  expect(read).toThrow(message);
  expect(read).toThrow(expect.objectContaining({ code: 'PROFILE_INVALID', origin: 'bad.yaml' }));
});
