import { createTempDir, openRawConnection, runProgram, startModelServer } from '@llm-d/test-kit';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { endpointsOf } from './debug-views.ts';
import { TEST_TIMEOUT_MS, portOf, startGateway, untilReady } from './stack.ts';

const listing = (ports: readonly number[]): string =>
  `endpoints:\n${ports.map((port) => `- {name: s${port}, address: 127.0.0.1, port: ${port}}\n`).join('')}`;

describe('the endpoints file', { timeout: TEST_TIMEOUT_MS }, () => {
  test('is followed while the gateway runs, and a bad one changes nothing', async () => {
    await using first = await startModelServer();
    await using second = await startModelServer();
    await using folder = await createTempDir();
    const path = await folder.write('fleet.yaml', listing([first.port]));
    await using gateway = await startGateway([], ['--endpoints-file', path, '--log-level', 'warn']);
    await untilReady(gateway.url);
    const names = async () => (await endpointsOf(gateway.url)).map(({ name }) => name);
    expect(await names()).toEqual([`s${first.port}`]);

    await folder.write('fleet.yaml', listing([first.port, second.port]));
    await vi.waitFor(async () => {
      expect(await names()).toEqual([`s${first.port}`, `s${second.port}`]);
    }, 20_000);
    await folder.write('fleet.yaml', 'endpoints: [');
    await vi.waitFor(() => {
      expect(gateway.stdout).toContain('fleet.yaml');
    }, 20_000);
    expect(await names()).toHaveLength(2);
    // As a mounted ConfigMap changes: another file takes the name.
    await rename(
      await folder.write('next.yaml', listing([second.port])),
      join(folder.path, 'fleet.yaml'),
    );
    await vi.waitFor(async () => {
      expect(await names()).toEqual([`s${second.port}`]);
    }, 20_000);
  });
});

const config = (plugin: string): string => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: ${plugin}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: ${plugin}
`;

describe('a gateway that cannot start says why', { timeout: TEST_TIMEOUT_MS }, () => {
  test.each([
    ['a configuration that is missing', '--config', undefined, /missing\.yaml.*(ENOENT|no such)/],
    ['one that is no YAML', '--config', 'a: [', /file\.yaml/],
    [
      'one with an unknown plugin',
      '--config',
      config('no-such-scorer'),
      /file\.yaml.*no-such-scorer/s,
    ],
    ['one of another kind', '--config', 'apiVersion: v1\nkind: Pod\n', /file\.yaml.*kind/s],
    ['endpoints that are missing', '--endpoints-file', undefined, /missing\.yaml.*cannot be read/],
    ['endpoints that are no list', '--endpoints-file', 'endpoints: 3', /file\.yaml.*"endpoints"/],
  ])('%s', async (_, flag, content, message) => {
    await using folder = await createTempDir();
    const path =
      content === undefined
        ? join(folder.path, 'missing.yaml')
        : await folder.write('file.yaml', content);
    const end = await runProgram({ app: 'gateway', args: ['--port', '0', flag, path] });
    expect(end.stderr).toMatch(message);
    expect(end.stderr).toContain(folder.path);
    expect(end.stderr).not.toMatch(/\n\s+at /);
    expect([end.code, end.stdout]).toEqual([1, '']);
  });

  test.each([
    [['--port', '70000'], /--port/],
    [['--host', 'no such host'], /no such host.*--host/],
    [['--unknown'], /unknown option/],
  ])('%j', async (args, message) => {
    const end = await runProgram({ app: 'gateway', args: ['--port', '0', ...args] });
    expect(end.stderr).toMatch(message);
    expect(end.stderr).not.toMatch(/\n\s+at /);
    expect([end.code, end.stdout]).toEqual([1, '']);
  });

  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const end = await runProgram({ app: 'gateway', args: ['--port', String(port)] });
    taken.close();
    expect(end).toMatchObject({
      code: 1,
      stderr: `gateway: port ${port} on 127.0.0.1 is in use; choose another with --port\n`,
    });
  });
});

test(
  'a gateway that is told to end, twice even, finishes what it has and leaves',
  async () => {
    await using server = await startModelServer({
      script: () => ({ kind: 'wait', ms: 1500, then: { kind: 'stream', chunks: 5 } }),
    });
    await using gateway = await startGateway([server.url]);
    using client = await openRawConnection(portOf(gateway.url));
    using silent = await openRawConnection(portOf(gateway.url));
    const body = '{"model":"test-model","stream":true,"messages":[{"role":"user","content":"x"}]}';
    client.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(() => {
      expect(server.running).toBe(1);
    }, 20_000);
    gateway.signal('SIGINT');
    gateway.signal('SIGINT');
    expect(await client.closed).toMatch(/^HTTP\/1\.1 200 .*data: \[DONE\]/s);
    await silent.closed;
    expect(await gateway.ended).toMatchObject({ code: 0, stderr: '' });
  },
  TEST_TIMEOUT_MS,
);
