import { describePlugins, loadConfig } from '@llm-d/scheduler-core';
import { exampleConfigOf, parameterRow, parameterRowsOf } from '@llm-d/scheduler-core/testing';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';

const registry = createPickerRegistry();
const readmes = new Map(
  globSync(`${import.meta.dirname}/../{producers,reporters,data-layer}/*/README.md`).map((path) => [
    basename(dirname(path)),
    readFileSync(path, 'utf8'),
  ]),
);
const all = describePlugins(registry);
const producers = all.filter(
  ({ type, points }) => points.includes('data-producer') || readmes.has(type),
);
const readmeOf = (type: string): string => readmes.get(type) ?? '';

test('there is no README of a plugin that does not exist', () => {
  const types = all.map(({ type }) => type);
  expect([...readmes.keys()].filter((type) => !types.includes(type))).toEqual([]);
});

test.each(producers)(
  'the README of $type lists its parameters as they are',
  ({ type, parameters }) => {
    const readme = readmeOf(type);
    expect(readme.split('\n')[0]).toBe(`# ${type}`);
    expect(parameterRowsOf(readme)).toEqual(parameters.map(parameterRow));
  },
);

test.each(producers)(
  'the example in the README of $type is a configuration that loads',
  ({ type }) => {
    const config = loadConfig(exampleConfigOf(readmeOf(type)), {
      registry,
      allowExperimental: true,
    });
    expect(config.plugins.map((plugin) => plugin.type)).toContain(type);
  },
);
