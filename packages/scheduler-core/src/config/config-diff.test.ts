import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { standInRegistry } from '../testing/stand-in-plugins.ts';
import { configDiff, formatConfigDiff } from './config-diff.ts';
import { loadConfig } from './load-config.ts';

const registry = standInRegistry();
const load = (body: string) =>
  loadConfig(`apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${body}`, { registry });
const text = (before: string, after: string): readonly string[] => {
  const shown = formatConfigDiff(configDiff(load(before), load(after)));
  return shown === '' ? [] : shown.split('\n');
};

const scorers = (queue: number, more = ''): string => `
plugins: [{ type: queue-scorer }, { type: kv-cache-utilization-scorer }${more}]
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: ${queue} }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
`;

describe('what runs differently is said line by line:', () => {
  test.each([
    ['nothing', scorers(2), `# only a comment${scorers(2)}`, []],
    ['a weight', scorers(2), scorers(5), ['~ profile default: weight of queue-scorer 2 → 5']],
    [
      'a parameter, and what was removed',
      'plugins: [{ type: no-hit-lru-scorer, name: lru, parameters: { lruSize: 5 } }, { type: load-aware-scorer }]',
      'plugins: [{ type: no-hit-lru-scorer, name: lru, parameters: { lruSize: 6 } }]',
      [
        '- plugin load-aware-scorer',
        '~ plugin lru: parameters.lruSize 5 → 6',
        '~ profile default: weight of load-aware-scorer 1 → none',
      ],
    ],
    [
      'a type under the same name, and another plugin',
      'plugins: [{ type: queue-scorer, name: mine }]',
      'plugins: [{ type: load-aware-scorer, name: mine }, { type: random-picker, name: any }]',
      [
        '+ plugin any (random-picker)',
        '- plugin max-score-picker',
        '~ plugin mine: type "queue-scorer" → "load-aware-scorer"',
        '~ plugin mine: parameters.threshold none → 128',
        '~ profile default: picker "max-score-picker" → "any"',
      ],
    ],
    [
      'a profile that came',
      scorers(2),
      `${scorers(2, ', { type: disagg-profile-handler, parameters: { profiles: { decode: default } } }').trimEnd()}
- name: prefill
  plugins: [{ pluginRef: queue-scorer, weight: 3 }]
`,
      [
        '+ plugin disagg-profile-handler',
        '- plugin single-profile-handler',
        '+ profile prefill',
        '~ profile prefill: weight of queue-scorer none → 3',
        '~ handler "single-profile-handler" → "disagg-profile-handler"',
      ],
    ],
    [
      'the order in which filters narrow the candidates',
      'plugins: [{ type: decode-filter }, { type: prefill-filter }]',
      'plugins: [{ type: prefill-filter }, { type: decode-filter }]',
      [
        '~ profile default: filters[0] "decode-filter" → "prefill-filter"',
        '~ profile default: filters[1] "prefill-filter" → "decode-filter"',
        expect.stringMatching(/^~ pluginOrder "decode-filter, prefill-filter, .* → "prefill-/),
      ],
    ],
    [
      'a bound of flow control',
      'featureGates: [flowControl]\nplugins: [{ type: queue-scorer }]',
      'featureGates: [flowControl]\nplugins: [{ type: queue-scorer }]\nflowControl: { maxRequests: 7 }',
      ['~ flowControl.maxRequests 0 → 7'],
    ],
  ])('%s', (_, before, after, lines) => {
    expect(text(before, after)).toEqual(lines);
    expect(configDiff(load(before), load(after)).isEmpty).toBe(lines.length === 0);
  });
});

test('what was written out instead of filled in runs the same', () => {
  const short = load('plugins: [{ type: prefix-cache-scorer }]');
  const long = load(
    'plugins: [{ type: prefix-cache-scorer }, { type: max-score-picker }, { type: single-profile-handler }]',
  );
  expect(short.plugins).not.toEqual(long.plugins);
  expect(configDiff(short, { ...long, source: 'elsewhere' }).isEmpty).toBe(true);
});

test('there is nothing to say about two configurations exactly where they are the same', () => {
  const weights = fc.record({
    a: fc.constantFrom(1, 2, 3),
    b: fc.constantFrom(1, 2),
    lru: fc.constantFrom(5, 6),
    filter: fc.boolean(),
  });
  const of = ({ a, b, lru, filter }: { a: number; b: number; lru: number; filter: boolean }) =>
    load(`
plugins:
- { type: queue-scorer }
- { type: no-hit-lru-scorer, parameters: { lruSize: ${lru} } }
- { type: decode-filter }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: ${a} }
  - { pluginRef: no-hit-lru-scorer, weight: ${b} }
${filter ? '  - { pluginRef: decode-filter }' : ''}
`);
  fc.assert(
    fc.property(weights, weights, (x, y) => {
      const diff = configDiff(of(x), of(y));
      const isSame = Object.entries(x).every(([key, value]) => y[key as keyof typeof y] === value);
      expect(diff.isEmpty).toBe(isSame);
      expect(formatConfigDiff(diff) === '').toBe(isSame);
      const back = configDiff(of(y), of(x));
      expect(back.plugins.kept).toEqual(diff.plugins.kept);
      expect(back.profiles.flatMap(({ weights: [w] }) => w?.after ?? [])).toEqual(
        diff.profiles.flatMap(({ weights: [w] }) => w?.before ?? []),
      );
    }),
    { numRuns: 60 },
  );
});
