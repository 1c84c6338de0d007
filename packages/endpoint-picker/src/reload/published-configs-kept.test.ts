import { configDiff, instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';

const registry = createPickerRegistry();
const testdata = `${import.meta.dirname}/../config/testdata`;
const paths = globSync(`${testdata}/**/*.yaml`);
const runs = paths.flatMap((path) => {
  const load = () => loadConfig(readFileSync(path, 'utf8'), { registry, allowExperimental: true });
  try {
    return [{ name: basename(path), config: load(), again: load() }];
  } catch {
    // Some are there to be refused.
    return [];
  }
});

test.each(runs)('$name read again runs the same instances', async ({ config, again }) => {
  expect(configDiff(config, again).isEmpty).toBe(true);
  const { plugins } = instantiatePlugins(config, registry);
  const next = instantiatePlugins(again, registry, { reuse: { config, plugins } });
  expect(next.plugins).toEqual(plugins);
  next.plugins.forEach(({ plugin }, i) => {
    expect(plugin).toBe(plugins[i]?.plugin);
  });
  for (const { plugin } of plugins) await plugin.close?.();
});

test('most of what is published was read', () => {
  expect(runs.length).toBeGreaterThan(15);
});
