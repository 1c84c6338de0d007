import { Command } from 'commander';
import { expect, test } from 'vitest';
import { registerConfigCommand } from './lint-command.ts';

async function lint(text: string, ...flags: string[]): Promise<string> {
  let written = '';
  const program = new Command().exitOverride();
  registerConfigCommand(program, {
    output: { write: (piece) => (written += piece) },
    color: false,
    readFile: () => Promise.resolve(text),
  });
  await program.parseAsync(['config', 'lint', 'epp.yaml', ...flags], { from: 'user' });
  return written;
}

const planted = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: prefix-cache-scorer
- type: load-aware-scorer
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
`;

test('a configuration is explained as a table, and a planted mistake is found', async () => {
  const text = await lint(planted);
  expect(text).toContain('single-profile-handler runs default');
  expect(text).toMatch(/prefix-cache-scorer +│ +3 │ +3 │ +60 % │ in proportion/);
  expect(text).toContain(
    'warning  load-aware-scorer: it is never called: no scheduling profile refers to it',
  );
});

test('as JSON it is for programs', async () => {
  const { findings } = JSON.parse(await lint(planted, '--json')) as {
    findings: { subject: string; severity: string }[];
  };
  expect(findings[0]).toMatchObject({ severity: 'warning', subject: 'load-aware-scorer' });
});

test('where it has to be strict, a warning is an error', async () => {
  await expect(lint(planted, '--strict')).rejects.toThrow('epp.yaml has a warning');
});

test('an invalid configuration is refused with file, place and reason', async () => {
  await expect(lint(planted.replace('queue-scorer', 'queue-scorrer'))).rejects.toThrow(
    /epp\.yaml has 2 problems:\n {2}4:3 plugins\[0\]\.type: .*queue-scorer/,
  );
});
