import { describePlugins, loadConfig } from '@llm-d/scheduler-core';
import { exampleConfigOf, parameterRow, parameterRowsOf } from '@llm-d/scheduler-core/testing';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';

const registry = createPickerRegistry();
const producers = describePlugins(registry).filter(({ points }) =>
  points.includes('data-producer'),
);
const readmeOf = (type: string): string =>
  readFileSync(`${import.meta.dirname}/${type}/README.md`, 'utf8');

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
    const config = loadConfig(exampleConfigOf(readmeOf(type)), { registry });
    expect(config.plugins.map((plugin) => plugin.type)).toContain(type);
  },
);
