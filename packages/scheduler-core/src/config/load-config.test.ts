import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import * as z from 'zod';
import { instantiatePlugins } from '../instantiate-plugins.ts';
import { definePlugin } from '../plugin-definition.ts';
import { noParameters } from '../plugins/parameter-fields.ts';
import { singleProfileHandler } from '../plugins/profile-handlers/single-profile-handler/single-profile-handler.ts';
import { standInRegistry } from '../testing/stand-in-plugins.ts';
import { ConfigError } from './config-error.ts';
import { defaultConfigText } from './default-config.ts';
import { loadConfig } from './load-config.ts';

const firstProfileHandler = definePlugin({
  ...singleProfileHandler,
  type: 'first-profile-handler',
  parameters: noParameters,
});
const registry = standInRegistry([firstProfileHandler]);
const testdata = `${import.meta.dirname}/testdata`;
const inputs = (folder: string): string[] =>
  globSync(`${testdata}/${folder}/*.in.yaml`).map((path) => basename(path, '.in.yaml'));

function errorOf(load: () => unknown): ConfigError {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it must be refused');
}

describe('an accepted configuration', () => {
  test.each(inputs('accepted'))(
    '%s resolves to its golden file and can be instantiated',
    async (name) => {
      const config = loadConfig(readFileSync(`${testdata}/accepted/${name}.in.yaml`, 'utf8'), {
        registry,
        source: `${name}.in.yaml`,
        allowExperimental: true,
      });
      await expect(stringify(config, { aliasDuplicateObjects: false })).toMatchFileSnapshot(
        `${testdata}/accepted/${name}.out.yaml`,
      );
      expect(instantiatePlugins(config, registry).plugins).toHaveLength(config.plugins.length);
    },
  );
});

describe('a refused configuration', () => {
  test.each(inputs('refused'))('%s gets exactly the errors of its golden file', async (name) => {
    const text = readFileSync(`${testdata}/refused/${name}.in.yaml`, 'utf8');
    const error = errorOf(() => loadConfig(text, { registry, source: `${name}.in.yaml` }));
    await expect(`${error.message}\n`).toMatchFileSnapshot(`${testdata}/refused/${name}.out.txt`);
  });

  test('is a value for programs too', () => {
    const text = defaultConfigText.replace('weight: 3', 'weigth: 3');
    expect(errorOf(() => loadConfig(text, { registry, source: 'epp.yaml' }))).toMatchObject({
      code: 'CONFIG',
      source: 'epp.yaml',
      problems: [
        {
          path: 'schedulingProfiles[0].plugins[2].weigth',
          line: 17,
          column: 9,
          message: 'unknown field; did you mean "weight"?',
        },
      ],
    });
  });
});

describe('without a configuration', () => {
  const resolved = loadConfig(undefined, { registry });

  test('llm-d’s default plugins and weights run, with what they read', () => {
    expect(resolved.profiles).toEqual([
      {
        name: 'default',
        filters: [],
        scorers: [
          { plugin: 'queue-scorer', weight: 2 },
          { plugin: 'kv-cache-utilization-scorer', weight: 2 },
          { plugin: 'prefix-cache-scorer', weight: 3 },
        ],
        picker: 'max-score-picker',
      },
    ]);
    expect(resolved.handler).toBe('single-profile-handler');
    expect(resolved.producers).toEqual(['token-producer', 'approx-prefix-cache-producer']);
    expect(resolved.dataLayer.sources).toEqual([
      { plugin: 'metrics-data-source', extractors: ['core-metrics-extractor'] },
    ]);
    expect(resolved.warnings).toEqual([]);
  });

  test.each(['', '# nothing here\n', '---\n'])('the text %j counts as none', (text) => {
    expect(loadConfig(text, { registry })).toEqual(resolved);
  });

  test('the default written out means the same', () => {
    expect(loadConfig(defaultConfigText, { registry })).toEqual(resolved);
  });
});

test('JSON is read like YAML', () => {
  const text = JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [{ type: 'queue-scorer' }],
  });
  expect(loadConfig(text, { registry }).profiles[0]?.scorers).toEqual([
    { plugin: 'queue-scorer', weight: 1 },
  ]);
});

test('parameters of older configurations are warned of where they are, and only where they are given', () => {
  const former = definePlugin({
    type: 'renamed-handler',
    summary: 'Has a parameter by another name.',
    stability: 'beta',
    points: [],
    parameters: z.strictObject({
      size: z.strictObject({ old: z.int().optional(), new: z.int().optional() }).optional(),
    }),
    formerParameters: [{ path: 'size.old', advice: 'use size.new' }],
    create: () => ({}),
  });
  const warningsOf = (parameters: string) =>
    loadConfig(
      `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: renamed-handler
  parameters: ${parameters}
`,
      { registry: standInRegistry([former]) },
    ).warnings;
  expect(warningsOf('{ size: { old: 1 } }')).toMatchObject([
    {
      path: 'plugins[1].parameters.size.old',
      line: 7,
      message: 'size.old is deprecated: use size.new',
    },
  ]);
  expect(warningsOf('{ size: { new: 1, old: null } }')).toEqual([]);
  expect(warningsOf('{}')).toEqual([]);
});

test('a list is no configuration', () => {
  const error = errorOf(() => loadConfig('- type: queue-scorer', { registry }));
  expect(error.problems[0]).toMatchObject({
    path: '',
    line: 1,
    message: 'expected a mapping, got a list',
  });
});

test('anchors and merge keys are followed, and problems behind them still have a place', () => {
  const text = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - &scorer { type: load-aware-scorer, parameters: &parameters { threshold: 64 } }
  - { <<: *scorer, name: second, parameters: { <<: *parameters, threshold: 0 } }
`;
  expect(errorOf(() => loadConfig(text, { registry })).problems).toEqual([
    { path: 'plugins[1].parameters.threshold', line: 5, column: 65, message: 'must be at least 1' },
  ]);
});

test('an unknown alias is a syntax error', () => {
  expect(errorOf(() => loadConfig('plugins: *nowhere', { registry })).message).toMatch(/nowhere/);
});
