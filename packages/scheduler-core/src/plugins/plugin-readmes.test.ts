import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { describePlugins, type ParameterDescription } from '../describe-plugins.ts';
import { createPluginRegistry } from '../plugin-registry.ts';
import { standInRegistry } from '../testing/stand-in-plugins.ts';
import { schedulingPlugins } from './scheduling-plugins.ts';

const readmes = new Map(
  globSync(`${import.meta.dirname}/*/*/README.md`).map((path) => [
    basename(dirname(path)),
    readFileSync(path, 'utf8'),
  ]),
);
const described = describePlugins(createPluginRegistry(schedulingPlugins));

const code = (text: string): string => `\`${text}\``;

function row({ name, type, required, description, ...rest }: ParameterDescription): string {
  const value =
    'default' in rest ? code(JSON.stringify(rest.default)) : required ? 'required' : '–';
  return [code(name), type.replaceAll('|', '\\|'), value, description].join(' | ');
}

/** The parameter rows of a README, without the padding that a formatter adds. */
const rowsOf = (readme: string): string[] =>
  readme
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .trim()
        .replace(/\s+\|\s+/g, ' | '),
    );

test('every plugin has a README and there is no other one', () => {
  expect([...readmes.keys()].sort()).toEqual(schedulingPlugins.map(({ type }) => type).sort());
});

test.each(described)(
  'the README of $type lists its parameters as they are',
  ({ type, parameters }) => {
    const readme = readmes.get(type) ?? '';
    expect(readme.split('\n')[0]).toBe(`# ${type}`);
    expect(rowsOf(readme)).toEqual(parameters.map(row));
  },
);

test.each(described)(
  'the example in the README of $type is a configuration that loads',
  ({ type }) => {
    const [, example] = /```yaml\n([\s\S]*?)```/.exec(readmes.get(type) ?? '') ?? [];
    const text = `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${example ?? ''}`;
    const config = loadConfig(text, { registry: standInRegistry(), allowExperimental: true });
    expect(config.plugins.map((plugin) => plugin.type)).toContain(type);
    expect(config.warnings).toEqual([]);
  },
);
