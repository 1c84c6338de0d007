import { systemClock } from '@llm-d/determinism';
import { conformanceCases } from '@llm-d/epp-conformance';
import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { registerConformanceCommand } from './conformance-command.ts';

// The machine may be busy with something else.
vi.setConfig({ testTimeout: 60_000 });

interface Said {
  readonly output: string;
  readonly progress: string;
  readonly files: Readonly<Record<string, string>>;
  readonly error: unknown;
}

async function conformance(...args: readonly string[]): Promise<Said> {
  let output = '';
  let progress = '';
  const files: Record<string, string> = {};
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerConformanceCommand(program, {
    version: '1.2.3',
    clock: systemClock,
    output: { write: (text) => (output += text) },
    terminal: { write: (text: string) => (progress += text) } as unknown as NodeJS.WritableStream,
    color: false,
    signal: new AbortController().signal,
    writeFile: (path, text) => {
      files[path] = text;
      return Promise.resolve();
    },
  });
  let error: unknown;
  try {
    await program.parseAsync(['conformance', ...args], { from: 'user' });
  } catch (caught) {
    error = caught;
  }
  return { output, progress, files, error };
}

test('--list tells every case, and with --filter some', async () => {
  const { output } = await conformance('--list');
  expect(output.split('\n')).toHaveLength(conformanceCases.length + 1);
  expect(output).toMatch(/^routing\.answer-order +must +default +A request with a body gets/);
  const { output: some } = await conformance('--list', '--filter', 'health', '*.header-only');
  expect(
    some
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('.', 1)[0]),
  ).toEqual(['routing', ...Array<string>(6).fill('health')]);
});

test.each([
  [['--filter', 'rooting'], 'no case matches rooting'],
  [[], 'say either --command or --address'],
  [['--command', 'epp', '--address', 'a:1'], 'say either --command or --address'],
  [['--command', 'epp'], '--command needs {GRPC} where the ext_proc port goes'],
  [['--address', 'localhost'], '--address: expected host:port, got localhost'],
  [['--address', 'localhost:99999'], '--address: expected host:port, got localhost:99999'],
  [['--address', '[::1]:9002'], /^--address needs --endpoints-file/],
  [['--address', 'a:1', '--discovery', 'none'], /^--discovery none needs --endpoints/],
  [
    ['--address', 'a:1', '--discovery', 'none', '--endpoints', 'x'],
    '--endpoints: expected host:port, got x',
  ],
  [
    ['--address', 'a:1', '--endpoints-file', 'f', '--metrics', 'x'],
    '--metrics: expected host:port, got x',
  ],
])('%j is refused', async (args, message) => {
  const { error } = await conformance(...args);
  expect(error).toMatchObject({ message: expect.stringMatching(message) as string });
});

test.each(['0', '-1', 'soon', '601'])('--wait %s is refused', async (wait) => {
  const { error } = await conformance('--list', '--wait', wait);
  expect(error).toMatchObject({ code: 'commander.invalidArgument' });
});

test('an endpoint picker that does not start does not conform; results go where they are wanted', async () => {
  const command = `${JSON.stringify(process.execPath)} -e "console.error('no flag');process.exit(2)" {GRPC} {CONFIG}`;
  const said = await conformance(
    ...['--command', command, '--filter', 'routing.destination-header', 'routing.raw-values'],
    ...['--report', 'r.json', '--junit', 'r.xml'],
  );
  expect(said.error).toMatchObject({ code: 'NOT_CONFORMING', failed: 1 });
  expect(said.output).toContain(
    '✗ The header x-gateway-destination-endpoint names an endpoint of the pool as address:port routing.destination-header, a must\n' +
      '      the endpoint picker did not start with default: it ended with code 2; it said last: no flag\n',
  );
  expect(said.output).toMatch(/must +│ +0 │ +1 │ +0 │/);
  expect(said.output).toContain('does not conform (2 cases in');
  expect(JSON.parse(said.files['r.json'] ?? '')).toMatchObject({
    tool: { name: 'llmd conformance', version: '1.2.3' },
    subject: command,
    conforms: false,
    cases: [
      { id: 'routing.destination-header', level: 'must', result: 'fail' },
      { result: 'fail' },
    ],
  });
  expect(said.files['r.xml']).toContain('tests="2" failures="1" skipped="0"');
  expect(said.progress).toContain('2/2 routing.raw-values');
  expect(said.progress.endsWith('\r\u001b[2K')).toBe(true);
});
