import { createPickerRegistry } from '@llm-d/endpoint-picker';
import { loadConfig } from '@llm-d/scheduler-core';
import { startModelServer } from '@llm-d/test-kit';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { poolRestartReason } from './configuration.ts';
import { connectProxy, startTestEpp, type TestEpp } from './epp.testing.ts';
import { chatBody, requestBody, requestHead } from './ext-proc/session.testing.ts';

const stateOf = async (epp: TestEpp): Promise<unknown> =>
  (await fetch(`http://127.0.0.1:${epp.adminPort}/debug/config`)).json();

/** Writes the configuration anew, with `change` made to it. */
const rewrite = async (epp: TestEpp, change: (text: string) => string): Promise<void> => {
  const text = await readFile(join(epp.folder.path, 'config.yaml'), 'utf8');
  await epp.folder.write('config.yaml', change(text));
};
/** Has clients choose the profile by a header that they otherwise could not send. */
const byHeader = (text: string): string =>
  text.replace(
    'plugins:\n',
    `plugins:
- {type: header-profile-handler, parameters: {headerName: x-llm-d-profile, defaultProfile: none}}
`,
  ) +
  `schedulingProfiles:
- {name: wanted, plugins: [{pluginRef: queue-scorer}]}
- {name: other, plugins: [{pluginRef: queue-scorer}]}
`;

const OPTIONS = ['--secure-serving=false', '--allow-experimental-plugins'];

test('streams that begin after a change obey the changed configuration, in everything', async () => {
  await using server = await startModelServer();
  await using epp = await startTestEpp([server.port], ...OPTIONS);
  using proxy = connectProxy(epp.grpcPort);
  const early = proxy.open();
  early.say(requestHead());
  await rewrite(epp, byHeader);
  await vi.waitFor(async () => {
    expect(await stateOf(epp)).toMatchObject({ generation: 2, lastAttempt: { result: 'applied' } });
  }, 5000);
  const ask = async (stream: ReturnType<typeof proxy.open>) => {
    stream.say(requestBody(chatBody()));
    const { response } = await stream.next();
    return response;
  };
  const late = proxy.open();
  late.say(requestHead({ 'x-llm-d-profile': 'wanted' }));
  expect(await ask(late)).toBe('requestHeaders');
  // Its request comes under the new configuration, and so is placed by it: which asks for a profile.
  expect(await ask(early)).toBe('immediateResponse');
});

test('a file that would lose the endpoints, or is broken, is reported and nothing changes', async () => {
  await using server = await startModelServer();
  await using epp = await startTestEpp([server.port], ...OPTIONS);
  await rewrite(epp, (text) => text.replace(/dataLayer.*\n/, ''));
  await vi.waitFor(async () => {
    expect(await stateOf(epp)).toMatchObject({
      generation: 1,
      lastAttempt: {
        result: 'invalid',
        problems: [
          { message: expect.stringContaining('dataLayer.discovery is missing') as string },
        ],
      },
    });
  }, 5000);
  await epp.folder.write('config.yaml', 'kind: EndpointPickerConfig\nplugins: 3\n');
  await vi.waitFor(async () => {
    const problems: unknown = expect.arrayContaining([
      expect.objectContaining({ path: 'plugins', line: 2, column: 1 }),
    ]);
    expect(await stateOf(epp)).toMatchObject({ generation: 1, lastAttempt: { problems } });
  }, 5000);
  expect(epp.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  expect(epp.running.fleet.snapshot()).toHaveLength(1);
});

test.each([
  [['openai-parser'], ['openai-parser', 'anthropic-parser'], undefined],
  [['openai-parser'], ['passthrough-parser'], undefined],
  [['vllmgrpc-parser'], ['openai-parser'], /parsers speak other protocols/],
  [['openai-parser'], ['vllmgrpc-parser'], /vllmgrpc-parser\), which needs a restart/],
])('a pool that was served with %j can be with %j as far as it speaks the same', (a, b, reason) => {
  const registry = createPickerRegistry();
  const base = loadConfig(undefined, { registry });
  const withParsers = (types: readonly string[]) => ({
    ...base,
    plugins: types.map((type) => ({
      ...{ name: type, type, origin: 'configured' as const, points: [], parameters: {} },
    })),
    parsers: types,
  });
  const found = poolRestartReason(withParsers(a), withParsers(b));
  if (reason === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(reason);
});
