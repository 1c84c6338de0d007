import { createRandom, VirtualClock } from '@llm-d/determinism';
import { createPickerRegistry, startEndpointPicker } from '@llm-d/endpoint-picker';
import { noopTelemetry } from '@llm-d/telemetry';
import { createTempDir, startModelServer } from '@llm-d/test-kit';
import { expect, test, vi } from 'vitest';
import { followConfiguration, readConfiguration } from './configuration.ts';
import { ask, startTestGateway } from './gateway.testing.ts';

const config = (weight: number): string => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: queue-scorer }]
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue-scorer, weight: ${weight} }] }]
`;

interface State {
  readonly generation: number;
  readonly source: string;
  readonly lastAttempt?: { readonly result: string; readonly problems?: readonly object[] };
  readonly config: { readonly profiles: readonly { readonly scorers: readonly object[] }[] };
}

const stateOf = async ({ url }: { readonly url: string }): Promise<State> =>
  (await (await fetch(`${url}/debug/config`)).json()) as State;

test('a gateway runs what its configuration file says, and shows it', async () => {
  await using server = await startModelServer();
  await using folder = await createTempDir();
  const path = await folder.write('config.yaml', config(1));
  await using gateway = await startTestGateway([server], '--config', path);
  expect(await stateOf(gateway)).toMatchObject({ generation: 1, source: path });
  await folder.write('config.yaml', config(7));
  await vi.waitFor(async () => {
    const { generation, config: inForce } = await stateOf(gateway);
    const [scorer] = inForce.profiles[0]?.scorers ?? [];
    expect([generation, scorer]).toEqual([2, { plugin: 'queue-scorer', weight: 7 }]);
  }, 5000);
  expect((await ask(gateway)).status).toBe(200);

  await folder.write('config.yaml', config(7).replace('weight: 7', 'wieght: 7'));
  await vi.waitFor(async () => {
    expect(await stateOf(gateway)).toMatchObject({
      generation: 2,
      lastAttempt: { result: 'invalid', problems: [{ line: 4, column: 76 }] },
    });
  }, 5000);
  const yaml = await fetch(`${gateway.url}/debug/config?format=yaml`);
  expect(yaml.headers.get('content-type')).toContain('application/yaml');
  expect(await yaml.text()).toMatch(/^generation: 2\nsource: /);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain('\nllm_d_epp_config_generation 2\n');
  expect(metrics).toContain('\nllm_d_epp_config_reloads_total{result="invalid"} 1\n');
});

test.each([
  ['a file is followed', { configFile: 'config.yaml' }, 1],
  [
    'a file is not where the options say so',
    { configFile: 'config.yaml', reloadsConfig: false },
    0,
  ],
  ['a text is not', {}, 0],
])('of configurations, %s', async (_, options, timers) => {
  const clock = new VirtualClock();
  const registry = createPickerRegistry();
  const given = { configFile: undefined, allowExperimentalPlugins: false, reloadsConfig: true };
  const text = { ...given, configText: config(1) };
  const configuration = await readConfiguration(text, registry);
  const running = await startEndpointPicker({
    ...{ config: configuration.config, registry, clock, random: createRandom(1) },
  });
  const before = clock.pendingTimers;
  const parts = { configuration, running, clock, telemetry: noopTelemetry };
  const following = followConfiguration({ ...text, ...options }, parts);
  expect(clock.pendingTimers - before).toBe(timers);
  expect(following.record.state().generation).toBe(1);
  following.stop();
  expect(clock.pendingTimers).toBe(before);
  await running.close();
});
