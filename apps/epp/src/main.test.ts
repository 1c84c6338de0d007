import { createTempDir, runProgram, startProgram } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { writeConfig } from './epp.testing.ts';

const free = ['--grpc-port=0', '--grpc-health-port=0', '--metrics-port=0', '--drain-timeout=0'];

test('the ready line says where it serves, and SIGTERM ends it well', async () => {
  await using folder = await createTempDir();
  const config = `--config-file=${await writeConfig(folder, [])}`;
  await using program = await startProgram({ app: 'epp', args: [...free, config] });
  const line = program.stdout.split('\n').find((text) => text.includes('"msg":"ready"'));
  const ready: unknown = JSON.parse(line ?? '');
  expect(ready).toMatchObject({
    msg: 'ready',
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    extProc: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
    health: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
    secure: true,
  });
  expect((await fetch(`${program.url}/healthz`)).status).toBe(200);
  program.signal('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0 });
});

describe('a start that fails says why and exits with 1', () => {
  const text = (plugins: string, rest = ''): string =>
    `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [${plugins}]\n${rest}`;
  const discovery = 'dataLayer: {discovery: {pluginRef: file-discovery}}\n';

  test.each([
    ['an unknown plugin type', text('{type: no-such-scorer}'), /CONFIG: 3:12 plugins\[0\]\.type: /],
    ['an unknown parameter', text('{type: queue-scorer, parameters: {x: 1}}'), /parameters/],
    ['no discovery', text('{type: queue-scorer}'), /CONFIG: dataLayer\.discovery is missing/],
    [
      'no endpoints file',
      text('{type: file-discovery, parameters: {path: /nowhere/endpoints.yaml}}', discovery),
      /\/nowhere\/endpoints\.yaml/,
    ],
  ])('%s', async (_, config, message) => {
    await using folder = await createTempDir();
    const path = await folder.write('config.yaml', config);
    const end = await runProgram({ app: 'epp', args: [...free, '--config-file', path] });
    expect(end.code).toBe(1);
    expect(end.stderr.replaceAll(path, 'CONFIG').replace(' has a problem:\n ', ':')).toMatch(
      message,
    );
    expect(end.stderr).not.toContain('    at ');
  });

  test.each([
    [
      'a configuration that is not there',
      ['--config-file=/nowhere.yaml'],
      '/nowhere.yaml: cannot be read',
    ],
    ['a certificate that is not there', ['--cert-path=/nowhere'], '/nowhere/tls.crt: '],
    ['a flag that is not known', ['--no-such-flag'], 'unknown flag: --no-such-flag'],
    [
      'a kubeconfig that is not there',
      ['--pool-name=p', '--config-file=', '--kubeconfig=/nowhere/config'],
      '/nowhere/config cannot be read',
    ],
    [
      'a pool beside a file of endpoints',
      ['--pool-name=p'],
      'dataLayer.discovery excludes --pool-name and --endpoint-selector',
    ],
  ])('%s', async (_, args, message) => {
    await using folder = await createTempDir();
    const config = `--config-file=${await writeConfig(folder, [])}`;
    const end = await runProgram({ app: 'epp', args: [...free, config, ...args] });
    expect([end.code, end.stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

test('--help says what there is, and --version which one it is', async () => {
  const help = await runProgram({ app: 'epp', args: ['--help'] });
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--grpc-port <port>')]);
  const version = await runProgram({ app: 'epp', args: ['--version'] });
  expect([version.code, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
});
