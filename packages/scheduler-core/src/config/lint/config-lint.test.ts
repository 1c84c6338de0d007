import { describe, expect, test } from 'vitest';
import { standInRegistry } from '../../testing/stand-in-plugins.ts';
import { loadConfig } from '../load-config.ts';
import { lintConfig } from './config-lint.ts';

const registry = standInRegistry();
const lint = (text: string) =>
  lintConfig(loadConfig(text, { registry, allowExperimental: true }), registry);
const config = (plugins: string, profile: string): string => `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [${plugins}]
schedulingProfiles: [{name: default, plugins: [${profile}]}]
`;
const findingsFor = (text: string, subject: string): readonly string[] =>
  lint(text)
    .findings.filter((finding) => finding.subject === subject)
    .map(({ severity, message }) => `${severity}: ${message}`);

describe('influence', () => {
  const usual = config(
    '{type: queue-scorer}, {type: kv-cache-utilization-scorer}, {type: load-aware-scorer}, {type: prefix-cache-scorer}',
    '{pluginRef: queue-scorer, weight: 2}, {pluginRef: kv-cache-utilization-scorer, weight: 2}, {pluginRef: load-aware-scorer, weight: 2}, {pluginRef: prefix-cache-scorer, weight: 3}',
  );

  test('a scorer counts by its weight times the width of its range', () => {
    const [profile] = lint(usual).profiles;
    expect(profile?.scorers.map(({ plugin, swing, share }) => [plugin, swing, share])).toEqual([
      ['prefix-cache-scorer', 3, 3 / 8],
      ['queue-scorer', 2, 2 / 8],
      ['kv-cache-utilization-scorer', 2, 2 / 8],
      ['load-aware-scorer', 1, 1 / 8],
    ]);
  });

  test('it says whom a scorer outvotes alone, and who outvotes it together', () => {
    const [profile] = lint(usual).profiles;
    expect(profile?.scorers[0]).toMatchObject({
      outweighs: ['queue-scorer', 'kv-cache-utilization-scorer', 'load-aware-scorer'],
      outvotedBy: ['queue-scorer', 'kv-cache-utilization-scorer'],
    });
    expect(profile?.scorers[3]).toMatchObject({
      outweighs: [],
      outvotedBy: ['prefix-cache-scorer'],
    });
  });

  test('a scorer that nothing can outvote is named', () => {
    const text = config(
      '{type: queue-scorer}, {type: prefix-cache-scorer}',
      '{pluginRef: queue-scorer}, {pluginRef: prefix-cache-scorer, weight: 10}',
    );
    expect(findingsFor(text, 'prefix-cache-scorer')).toContainEqual(
      expect.stringContaining('nothing can outvote its 10 points'),
    );
  });
});

describe.each([
  [
    'a scorer of weight 0',
    config(
      '{type: queue-scorer}, {type: kv-cache-utilization-scorer}',
      '{pluginRef: queue-scorer, weight: 0}, {pluginRef: kv-cache-utilization-scorer}',
    ),
    'queue-scorer',
    'weight 0 in profile default',
  ],
  [
    'scorers before a picker that ignores scores',
    config(
      '{type: queue-scorer}, {type: random-picker}',
      '{pluginRef: queue-scorer}, {pluginRef: random-picker}',
    ),
    'random-picker',
    'ignores scores',
  ],
  [
    'a scorer that no profile has',
    config('{type: queue-scorer}, {type: load-aware-scorer}', '{pluginRef: queue-scorer}'),
    'load-aware-scorer',
    'never called: no scheduling profile',
  ],
  [
    'a decider that no handler has',
    config('{type: queue-scorer}, {type: always-disagg-pd-decider}', '{pluginRef: queue-scorer}'),
    'always-disagg-pd-decider',
    'never called: no profile handler',
  ],
])('%s', (_, text, subject, message) => {
  test('is a warning', () => {
    expect(findingsFor(text, subject)).toContainEqual(
      expect.stringMatching(new RegExp(`^warning: .*${message}`)),
    );
  });
});

describe('stages', () => {
  const staged = (handler: string, prefill: string) => `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: disagg-profile-handler, parameters: ${handler}}
- {type: prefix-based-pd-decider, parameters: {nonCachedTokens: 0}}
- {type: decode-filter}
- {type: prefill-filter}
- {type: max-score-picker}
schedulingProfiles:
- {name: decode, plugins: [{pluginRef: decode-filter}, {pluginRef: max-score-picker}]}
- {name: prefill, plugins: [${prefill}{pluginRef: max-score-picker}]}
`;

  test('a prefill profile without a decider never runs', () => {
    const text = staged('{}', '{pluginRef: prefill-filter}, ');
    expect(findingsFor(text, 'disagg-profile-handler')).toEqual([
      'warning: no decider for prefill, so profile prefill never runs',
    ]);
  });

  test('nor one whose decider says never', () => {
    const text = staged(
      '{deciders: {prefill: prefix-based-pd-decider}}',
      '{pluginRef: prefill-filter}, ',
    );
    expect(findingsFor(text, 'prefix-based-pd-decider')).toEqual([
      expect.stringContaining('nonCachedTokens is 0'),
    ]);
  });

  test('a stage without a filter by role is named', () => {
    expect(findingsFor(staged('{}', ''), 'prefill')).toContainEqual(
      expect.stringContaining('no filter by role'),
    );
  });
});

describe('caps', () => {
  test('the affinity gate is told in tokens', () => {
    const text = config(
      '{type: prefix-cache-affinity-filter}, {type: token-load-scorer}',
      '{pluginRef: prefix-cache-affinity-filter}, {pluginRef: token-load-scorer}',
    );
    expect(findingsFor(text, 'prefix-cache-affinity-filter')).toEqual([
      expect.stringContaining('286,704 more tokens in flight'),
    ]);
    expect(findingsFor(text, 'token-load-scorer')).toContainEqual(
      expect.stringContaining('moves its score by 0.024'),
    );
  });

  test('metrics that are stale before the next scrape are a warning', () => {
    const text = `${config('{type: queue-scorer}, {type: utilization-detector, parameters: {metricsStalenessThreshold: 40ms}}', '{pluginRef: queue-scorer}')}
flowControl: {saturationDetector: {pluginRef: utilization-detector}}`;
    expect(findingsFor(text, 'utilization-detector')).toEqual([
      expect.stringContaining('look saturated between two scrapes'),
    ]);
  });

  test('a band that holds more than all together is named', () => {
    const text = `${config('{type: queue-scorer}', '{pluginRef: queue-scorer}')}
featureGates: [flowControl]
flowControl: {maxRequests: 100, priorityBands: [{priority: 3, maxRequests: 50}]}`;
    expect(findingsFor(text, 'default priority band')).toEqual([
      expect.stringContaining('never reached: all bands together may hold 100'),
    ]);
    expect(findingsFor(text, 'priority band 3')).toEqual([]);
  });
});

test('warnings come before notes, and the built-in configuration has none', () => {
  const { findings } = lintConfig(loadConfig(undefined, { registry }), registry);
  expect(findings.filter(({ severity }) => severity === 'warning')).toEqual([]);
});
