import { instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createPickerRegistry } from './picker-registry.ts';

const registry = createPickerRegistry();
const testdata = `${import.meta.dirname}/testdata`;
const load = (folder: string, name: string) =>
  loadConfig(readFileSync(`${testdata}/${folder}/${name}.yaml`, 'utf8'), {
    registry,
    source: `${name}.yaml`,
    allowExperimental: true,
  });

const parsers = ['openai-parser', 'anthropic-parser', 'vllmhttp-parser', 'passthrough-parser'];
const metrics = ['metrics-data-source', 'core-metrics-extractor'];
const prefix = ['token-producer', 'approx-prefix-cache-producer'];

/** What runs besides the plugins that a configuration lists: defaults, and producers that are created. */
const added: Readonly<Record<string, readonly string[]>> = {
  'optimized-baseline': [
    'max-score-picker',
    'single-profile-handler',
    ...parsers,
    ...metrics,
    ...prefix,
  ],
  'tiered-prefix-cache-cpu': ['max-score-picker', ...parsers, ...metrics, 'token-producer'],
  'sticky-until-saturated': [
    'single-profile-handler',
    ...parsers,
    ...metrics,
    ...prefix,
    'inflight-load-producer',
  ],
  'predicted-latency': ['single-profile-handler', ...parsers, ...prefix, 'inflight-load-producer'],
  'predicted-latency-affinity': [
    'single-profile-handler',
    ...parsers,
    ...metrics,
    ...prefix,
    'inflight-load-producer',
  ],
  'wide-ep': [...parsers, ...metrics],
  'pd-disaggregation': [...parsers, ...metrics, ...prefix],
  'external-tokenizer': ['max-score-picker', 'single-profile-handler', ...parsers, ...metrics],
  'request-attribute-reporter': ['max-score-picker', 'single-profile-handler', ...metrics],
  conformance: ['single-profile-handler', ...parsers, ...metrics],
  'data-layer': ['max-score-picker', 'single-profile-handler', ...parsers, ...metrics],
  simple: [...parsers, ...metrics, 'token-producer'],
  'deprecated-pd': [...parsers, ...metrics, 'token-producer'],
  pd: [...metrics, 'token-producer'],
  'decode-only': [...parsers, ...metrics, 'token-producer'],
  'epd-encode-decode': [...parsers, ...metrics],
  epd: [...parsers, ...metrics, 'token-producer'],
  'generate-encode': metrics,
  'generate-prefill': metrics,
  scale: [...parsers, ...metrics],
  'data-parallel': [...parsers, ...metrics],
  kv: [...parsers, ...metrics, 'token-producer'],
  'kv-external-tokenizer': ['max-score-picker', 'single-profile-handler', ...parsers, ...metrics],
};
/** Flow control has defaults of its own in every configuration. */
const isFlowControl = (type: string): boolean => /-detector$|-policy$|^eviction-/.test(type);

describe('a published configuration', () => {
  test('is in the table', () => {
    const files = globSync(`${testdata}/published/*.yaml`).map((path) => basename(path, '.yaml'));
    expect(files.sort()).toEqual(Object.keys(added).sort());
  });

  test.each(Object.entries(added))('%s loads and runs with what it needs', (name, expected) => {
    const config = load('published', name);
    const own = config.plugins.filter(({ origin }) => origin === 'configured');
    const others = config.plugins.filter(
      ({ origin, type }) => origin !== 'configured' && !isFlowControl(type),
    );
    expect(own.length).toBeGreaterThan(0);
    expect(others.map((plugin) => plugin.name).sort()).toEqual([...expected].sort());
    expect(instantiatePlugins(config, registry).plugins).toHaveLength(config.plugins.length);
  });
});

describe('a configuration that needs what is not there', () => {
  test.each([['uds-tokenizer', ['the tokenizer on a Unix socket is deprecated']]])(
    '%s is told so',
    (name, messages) => {
      for (const message of messages) expect(() => load('refused', name)).toThrow(message);
    },
  );
});
