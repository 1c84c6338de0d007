import { describe, expect, test } from 'vitest';
import { describePlugins } from './describe-plugins.ts';
import { createPluginRegistry } from './plugin-registry.ts';
import { schedulingPlugins } from './plugins/scheduling-plugins.ts';

const described = describePlugins(createPluginRegistry(schedulingPlugins));
const of = (type: string) => described.find((plugin) => plugin.type === type);
const parameter = (type: string, name: string) =>
  of(type)?.parameters.find((candidate) => candidate.name === name);

describe('the plugin reference', () => {
  test('has every plugin, in order', () => {
    expect(described.map(({ type }) => type)).toEqual(schedulingPlugins.map(({ type }) => type));
  });

  test('tells type, default and meaning of a parameter', () => {
    expect(of('max-score-picker')).toEqual({
      type: 'max-score-picker',
      summary: 'Picks the highest score; among equals the endpoint with the fewest reservations.',
      points: ['picker'],
      stability: 'beta',
      parameters: [
        {
          name: 'maxNumOfEndpoints',
          type: 'integer',
          default: 1,
          required: false,
          description: 'Most endpoints returned: the destination and its fall-backs.',
        },
      ],
    });
  });

  test.each([
    ['prefix-cache-affinity-filter', 'ttftSource', 'prefillThroughput | latencyPredictor', false],
    ['utilization-filter', 'conditions', 'list of object', true],
    ['utilization-filter', 'conditions[].maxValue', 'number', true],
    ['label-selector-filter', 'matchLabels', 'map of string', false],
    ['active-request-scorer', 'requestTimeout', 'string | number', false],
    ['session-affinity-scorer', 'sessionIdConfig.evictionTtlSeconds', 'number', false],
  ])('of %s describes %s as %s', (type, name, expected, required) => {
    expect(parameter(type, name)).toMatchObject({ type: expected, required });
  });

  test('says what is deprecated and what to use instead, and of nothing else', () => {
    expect(of('by-label')?.deprecated).toBe('use label-selector-filter');
    expect(of('label-selector-filter')).not.toHaveProperty('deprecated');
  });

  test('leaves no parameter without a description', () => {
    const silent = described.flatMap(({ type, parameters }) =>
      parameters
        .filter(({ description }) => description === '')
        .map(({ name }) => `${type} ${name}`),
    );
    expect(silent).toEqual([]);
  });
});
