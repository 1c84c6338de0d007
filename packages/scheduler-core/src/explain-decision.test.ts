import { createRandom } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { loadConfig } from './config/load-config.ts';
import type { Endpoint } from './endpoint.ts';
import { explainDecision } from './explain-decision.ts';
import { instantiatePlugins } from './instantiate-plugins.ts';
import type { SchedulingOutcome } from './scheduling-result.ts';
import { makeCycle, makeEndpoint } from './testing/index.ts';
import { standInRegistry } from './testing/stand-in-plugins.ts';

const registry = standInRegistry();

/** Decides with a filter for role=decode, the queue (×2), the KV cache (×1) and the given picker. */
function decide(candidates: readonly Endpoint[], picker = 'max-score-picker'): SchedulingOutcome {
  const config = loadConfig(
    `{apiVersion: llm-d.ai/v1alpha1, kind: EndpointPickerConfig, plugins: [
      {type: label-selector-filter, parameters: {matchLabels: {role: decode}}},
      {type: queue-scorer}, {type: kv-cache-utilization-scorer}, {type: ${picker}}],
      schedulingProfiles: [{name: default, plugins: [
        {pluginRef: label-selector-filter}, {pluginRef: queue-scorer, weight: 2},
        {pluginRef: kv-cache-utilization-scorer}, {pluginRef: ${picker}}]}]}`,
    { registry },
  );
  const options = { random: createRandom(1) };
  return instantiatePlugins(config, registry, options).scheduler.schedule(makeCycle(), candidates);
}

const decode = (name: string) => makeEndpoint(name).label('role', 'decode');

describe('the explanation of a decision', () => {
  test('tells who was dropped by what, how the others scored and what made the difference', () => {
    const outcome = decide([
      decode('a').queue(4).kvUsage(0.25),
      decode('b').queue(0).kvUsage(0.5),
      makeEndpoint('p'),
    ]);
    const explanation = explainDecision(outcome);
    expect(explanation).toEqual({
      kind: 'scheduled',
      primary: 'default',
      endpoints: ['default/b-rank-0'],
      profiles: [
        {
          profile: 'default',
          candidates: ['default/a-rank-0', 'default/b-rank-0', 'default/p-rank-0'],
          filters: [{ plugin: 'label-selector-filter', dropped: ['default/p-rank-0'] }],
          rated: [
            {
              endpoint: 'default/b-rank-0',
              total: 2.5,
              scores: [
                { plugin: 'queue-scorer', weight: 2, raw: 1, clamped: 1, weighted: 2 },
                {
                  plugin: 'kv-cache-utilization-scorer',
                  weight: 1,
                  raw: 0.5,
                  clamped: 0.5,
                  weighted: 0.5,
                },
              ],
            },
            {
              endpoint: 'default/a-rank-0',
              total: 0.75,
              scores: [
                { plugin: 'queue-scorer', weight: 2, raw: 0, clamped: 0, weighted: 0 },
                {
                  plugin: 'kv-cache-utilization-scorer',
                  weight: 1,
                  raw: 0.75,
                  clamped: 0.75,
                  weighted: 0.75,
                },
              ],
            },
          ],
          picked: ['default/b-rank-0'],
          verdict: {
            kind: 'scorer',
            plugin: 'queue-scorer',
            advantage: 2,
            runnerUp: 'default/a-rank-0',
            margin: 1.75,
          },
        },
      ],
    });
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  test.each([
    {
      name: 'a tie',
      candidates: [decode('a').reserved(1), decode('b').reserved(1)],
      picker: 'max-score-picker',
      verdict: { kind: 'tie', margin: 0 },
    },
    {
      name: 'an only candidate',
      candidates: [decode('a')],
      picker: 'max-score-picker',
      verdict: { kind: 'only-candidate' },
    },
    {
      name: 'a picker with a mind of its own',
      candidates: [decode('a').queue(9), decode('b')],
      picker: 'round-robin-picker',
      verdict: { kind: 'picker', runnerUp: 'default/b-rank-0', margin: -2 },
    },
  ])('recognises $name', ({ candidates, picker, verdict }) => {
    expect(explainDecision(decide(candidates, picker)).profiles[0]?.verdict).toMatchObject(verdict);
  });

  test('tells which stages were run or left out, and why', () => {
    const notes = [
      { profile: 'prefill', runs: false, decider: 'd', reason: '412 uncached tokens < 512' },
    ];
    for (const candidates of [[decode('a')], []]) {
      const explanation = explainDecision({ ...decide(candidates), notes });
      expect(explanation.stages).toEqual(notes);
    }
    expect(explainDecision(decide([decode('a')]))).not.toHaveProperty('stages');
  });

  test('names the filter that left nobody', () => {
    const explanation = explainDecision(decide([makeEndpoint('p')]));
    expect(explanation).toMatchObject({
      kind: 'no-endpoint',
      primary: 'default',
      endpoints: [],
      drainedBy: 'label-selector-filter',
      profiles: [{ rated: [], picked: [] }],
    });
    expect(explanation.profiles[0]).not.toHaveProperty('verdict');
  });

  test('shows a score that is not a number as null and as what it counts for', () => {
    const outcome = decide([decode('a').kvUsage(NaN), decode('b').kvUsage(NaN)]);
    expect(explainDecision(outcome).profiles[0]?.rated[0]?.scores[1]).toMatchObject({
      raw: null,
      clamped: 0,
    });
  });
});
