import { formatProblem } from '@llm-d/scheduler-core';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configGeneration, configLastReloadSuccess, configReloadsTotal } from './config-metrics.ts';
import { configStateYaml, createConfigRecord } from './config-record.ts';
import { memoryFiles, pass } from './files.testing.ts';
import { configText, startReloading } from './reloading.testing.ts';
import { watchConfigFile } from './watch-config-file.ts';

const weight = (value: number | string): string =>
  configText(`
plugins: [{ type: probe }, { type: queue-scorer }]
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: probe, weight: ${value} }
  - { pluginRef: queue-scorer }
`);

const setUp = async (first = weight(1)) => {
  const parts = await startReloading(first);
  const { running, clock, telemetry, metrics, load } = parts;
  const files = memoryFiles({ 'epp.yaml': first });
  const record = createConfigRecord({ running, text: first, clock, telemetry });
  const watching = watchConfigFile({
    path: 'epp.yaml',
    text: first,
    load,
    running,
    record,
    clock,
    files,
  });
  const write = async (text: string | undefined) => {
    files.write('epp.yaml', text);
    await pass(clock, 300);
  };
  const counts = () =>
    (['applied', 'unchanged', 'invalid', 'refused'] as const).map((result) =>
      metrics.value(configReloadsTotal, { result }),
    );
  const close = async () => {
    watching.stop();
    await running.close();
  };
  return { ...parts, record, write, counts, close };
};

describe('a configuration file', () => {
  test('runs as it is written, with all that tells about it', async () => {
    const { write, running, record, metrics, logger, counts, clock, close } = await setUp();
    const before = record.state();
    expect(before).toMatchObject({ generation: 1, source: 'epp.yaml', lastAttempt: undefined });
    expect(metrics.value(configGeneration, {})).toBe(1);
    expect(metrics.value(configLastReloadSuccess, {})).toBe(0);
    await write(weight(5));
    expect(running.config.profiles[0]?.scorers[0]).toEqual({ plugin: 'probe', weight: 5 });
    const after = record.state();
    expect(after).toMatchObject({ generation: 2, lastAttempt: { result: 'applied' } });
    expect(after.lastAttempt?.sha256).toBe(after.sha256);
    expect(after.sha256).toMatch(/^[0-9a-f]{12}$/);
    expect([after.sha256, after.loadedAt]).not.toEqual([before.sha256, before.loadedAt]);
    expect(metrics.value(configGeneration, {})).toBe(2);
    expect(metrics.value(configLastReloadSuccess, {})).toBeGreaterThan(0);
    expect(metrics.value(configLastReloadSuccess, {})).toBeLessThan(clock.epochMs() / 1000);
    expect(counts()).toEqual([1, 0, 0, 0]);
    expect(logger.lines).toMatchObject([
      {
        level: 'info',
        message: 'configuration taken over',
        fields: { generation: 2, changes: ['~ profile default: weight of probe 1 → 5'] },
      },
    ]);
    await close();
  });

  test('that is invalid is reported with line and column, and the old one stays', async () => {
    const { write, running, record, logger, counts, close } = await setUp();
    const { sha256, config } = record.state();
    await write(weight(5).replace('queue-scorer }]', 'queue-scorrer }]'));
    const state = record.state();
    expect([state.generation, state.sha256, state.config]).toEqual([1, sha256, config]);
    expect(state.lastAttempt?.result).toBe('invalid');
    expect(state.lastAttempt?.problems?.map(formatProblem)).toEqual([
      expect.stringMatching(/^4:\d+ plugins\[1\]\.type: .*queue-scorrer/),
      expect.stringMatching(/^9:\d+ schedulingProfiles\[0\]\.plugins\[1\]/),
    ]);
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        message: 'configuration not taken over: it is invalid, the old one stays in force',
        fields: { problems: [expect.stringMatching(/^4:\d+ /), expect.any(String)] },
      },
    ]);
    await write(weight(2));
    expect([running.generation, record.state().lastAttempt?.result]).toEqual([2, 'applied']);
    expect(counts()).toEqual([1, 0, 1, 0]);
    await close();
  });

  test.each([
    ['is no YAML', 'plugins: [', /^\d+:\d+ /],
    ['is of another kind', 'apiVersion: v1\nkind: Pod', /apiVersion/],
    ['is emptied', '', /^the file is empty$/],
    ['is deleted', undefined, /^cannot be read: ENOENT/],
  ])('that %s leaves the old one in force, until it is back', async (_, text, problem) => {
    const { write, running, record, counts, close } = await setUp();
    await write(text);
    expect(record.state()).toMatchObject({ generation: 1, lastAttempt: { result: 'invalid' } });
    expect(record.state().lastAttempt?.problems?.map(formatProblem)[0]).toMatch(problem);
    await write(weight(1));
    expect(record.state()).toMatchObject({ generation: 1, lastAttempt: { result: 'unchanged' } });
    expect([running.generation, counts()]).toEqual([1, [0, 1, 1, 0]]);
    await close();
  });

  test('that needs a restart is refused, and says why', async () => {
    const { write, record, logger, counts, close } = await setUp();
    await write(`${weight(3)}featureGates: [haPopulateNonLeaderDatastore=false]\n`);
    const reason = expect.stringMatching(/haPopulateNonLeaderDatastore.*needs a restart/) as string;
    expect(record.state()).toMatchObject({
      generation: 1,
      lastAttempt: { result: 'refused', reason },
    });
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { reason } }]);
    expect(counts()).toEqual([0, 0, 0, 1]);
    await close();
  });

  test('that says the same in other words is noted, and the warnings are its own', async () => {
    const { write, record, counts, logger, close } = await setUp();
    const deprecated = weight(1).replace('llm-d.ai', 'inference.networking.x-k8s.io');
    const before = record.state();
    await write(deprecated);
    const after = record.state();
    expect(after).toMatchObject({ generation: 1, warnings: [{ path: 'apiVersion' }] });
    expect(after.sha256).not.toBe(before.sha256);
    expect(counts()).toEqual([0, 1, 0, 0]);
    await write(deprecated.replace('weight: 1', 'weight: 2'));
    expect(logger.lines.at(-1)).toMatchObject({ level: 'warn', fields: { path: 'apiVersion' } });
    await close();
  });

  test('that a plugin cannot be created for leaves the old one in force', async () => {
    const { write, record, close } = await setUp();
    await write(
      weight(1).replace('{ type: probe }', '{ type: probe, parameters: { flavour: broken } }'),
    );
    expect(record.state()).toMatchObject({
      generation: 1,
      lastAttempt: { result: 'invalid', problems: [{ message: /could not be created/ }] },
    });
    await close();
  });
});

test('the state is plain data that reads the same as JSON and as YAML', async () => {
  const { write, record, close } = await setUp();
  await write('plugins: [');
  const state = record.state();
  const json: unknown = JSON.parse(JSON.stringify(state));
  expect(parse(configStateYaml(state))).toEqual(json);
  expect(json).toMatchObject({
    retiring: [],
    config: {
      profiles: [{ name: 'default', picker: 'max-score-picker' }],
      plugins: expect.arrayContaining([expect.objectContaining({ name: 'probe' })]) as unknown,
    },
  });
  await close();
});

test('a built-in configuration has no text of its own', async () => {
  const { running, clock, telemetry } = await startReloading('plugins: [{ type: probe }]');
  const record = createConfigRecord({ running, text: undefined, clock, telemetry });
  expect(record.state()).toMatchObject({ generation: 1, sha256: undefined });
  await running.close();
});
