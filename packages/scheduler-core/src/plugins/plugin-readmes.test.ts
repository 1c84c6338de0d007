import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { describePlugins } from '../describe-plugins.ts';
import { createPluginRegistry } from '../plugin-registry.ts';
import { exampleConfigOf, parameterRow, parameterRowsOf } from '../testing/plugin-readme.ts';
import { standInRegistry } from '../testing/stand-in-plugins.ts';
import { schedulingPlugins } from './scheduling-plugins.ts';

const readmes = new Map(
  globSync(`${import.meta.dirname}/*/*/README.md`).map((path) => [
    basename(dirname(path)),
    readFileSync(path, 'utf8'),
  ]),
);
const described = describePlugins(createPluginRegistry(schedulingPlugins));

test('every plugin has a README and there is no other one', () => {
  expect([...readmes.keys()].sort()).toEqual(schedulingPlugins.map(({ type }) => type).sort());
});

test.each(described)(
  'the README of $type lists its parameters as they are',
  ({ type, parameters }) => {
    const readme = readmes.get(type) ?? '';
    expect(readme.split('\n')[0]).toBe(`# ${type}`);
    expect(parameterRowsOf(readme)).toEqual(parameters.map(parameterRow));
  },
);

test.each(described)(
  'the example in the README of $type is a configuration that loads',
  ({ type }) => {
    const text = exampleConfigOf(readmes.get(type) ?? '');
    const config = loadConfig(text, { registry: standInRegistry(), allowExperimental: true });
    expect(config.plugins.map((plugin) => plugin.type)).toContain(type);
    const own = `${type} is deprecated`;
    expect(config.warnings.filter(({ message }) => !message.startsWith(own))).toEqual([]);
  },
);
