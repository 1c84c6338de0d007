import { runProgram } from '@llm-d/test-kit';
import { expect, test, vi } from 'vitest';

// Programs start slowly on machines that do much else.
vi.setConfig({ testTimeout: 60_000 });

const run = (...args: string[]) => runProgram({ app: 'kv-indexer', args });

test('--help says what there is, and --version which one it is', async () => {
  const help = await run('--help');
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--snapshot-interval')]);
  expect(help.stdout).toContain('NATS_URL');
  const version = await run('--version');
  expect([version.code, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
});

test.each([
  ['a flag that is not known', ['--no-such-flag'], "unknown option '--no-such-flag'"],
  ['a server that is not there', ['--nats-url=nats://127.0.0.1:1'], 'see --nats-url'],
  [
    'credentials that are not there',
    ['--nats-creds=/nowhere/creds'],
    '--nats-creds /nowhere/creds: ',
  ],
])('a start that fails because of %s says so and exits with 1', async (_, args, message) => {
  const end = await run(...args);
  expect([end.code, end.stderr]).toEqual([1, expect.stringContaining(message)]);
  expect(end.stderr).not.toContain('    at ');
});
