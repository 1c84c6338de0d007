import { createRandom } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { createRequestPolicies, resolveModel } from '../../request/request-policies.ts';
import {
  policySourcesOf,
  type DiscoveredObjective,
  type DiscoveredPoolRef,
  type DiscoveredRewrite,
} from './pool-policies.ts';

const group = 'inference.networking.k8s.io';
const ours = { group, name: 'llama' };
const random = createRandom(1);

const objective = (
  name: string,
  poolRef: DiscoveredPoolRef | undefined,
  priority?: number,
): DiscoveredObjective => ({
  metadata: { name },
  spec: { ...(priority !== undefined && { priority }), ...(poolRef && { poolRef }) },
});

describe('objectives', () => {
  test.each<[string, DiscoveredObjective, number | undefined]>([
    ['of the pool have their priority', objective('o', ours, 7), 7],
    ['without a priority have 0', objective('o', ours), 0],
    [
      'with a reference without a group mean the default one',
      objective('o', { name: 'llama' }, 7),
      7,
    ],
    ['of another pool say nothing', objective('o', { group, name: 'other' }, 7), undefined],
    ['of another group say nothing', objective('o', { group: 'x', name: 'llama' }, 7), undefined],
    ['without a reference say nothing', objective('o', undefined, 7), undefined],
    ['without a spec say nothing', { metadata: { name: 'o' } }, undefined],
  ])('%s', (_, object, priority) => {
    const { objectives } = policySourcesOf({ objectives: [object], rewrites: [] }, ours);
    expect(objectives.get('o')).toBe(priority);
  });
});

const rewrite = (
  name: string,
  to: string,
  more: {
    poolRef?: DiscoveredPoolRef;
    created?: string;
    matches?: { model?: { value: string } }[];
  } = {},
): DiscoveredRewrite => ({
  metadata: { name, ...(more.created !== undefined && { creationTimestamp: more.created }) },
  spec: {
    poolRef: more.poolRef ?? ours,
    rules: [{ ...(more.matches && { matches: more.matches }), targets: [{ modelRewrite: to }] }],
  },
});

const targetOf = (model: string, ...rewrites: DiscoveredRewrite[]) => {
  const sources = policySourcesOf({ objectives: [], rewrites }, ours);
  const policies = createRequestPolicies(sources).current();
  return resolveModel({ body: model, header: undefined }, { policies, random })?.targetModel;
};
const matches = [{ model: { value: 'm' } }];

describe('rewrites', () => {
  test.each<[string, readonly DiscoveredRewrite[], string]>([
    ['of the pool count', [rewrite('a', 'x', { matches })], 'x'],
    ['for every model count', [rewrite('a', 'x')], 'x'],
    ['of another pool do not', [rewrite('a', 'x', { poolRef: { group, name: 'other' } })], 'm'],
    [
      'without a reference do not',
      [{ ...rewrite('a', 'x'), spec: { rules: [{ targets: [{ modelRewrite: 'x' }] }] } }],
      'm',
    ],
    ['with matches that name nothing do not', [rewrite('a', 'x', { matches: [{}] })], 'm'],
    ['without rules do not', [{ metadata: { name: 'a' }, spec: { poolRef: ours } }], 'm'],
    [
      'count by age',
      [
        rewrite('a', 'young', { matches, created: '2026-01-02T00:00:00Z' }),
        rewrite('b', 'old', { matches, created: '2026-01-01T00:00:00Z' }),
      ],
      'old',
    ],
    [
      'of no age are the youngest',
      [
        rewrite('a', 'ageless', { matches }),
        rewrite('b', 'old', { matches, created: '2026-01-01T00:00:00Z' }),
      ],
      'old',
    ],
    [
      'that name the model go before older ones for all',
      [
        rewrite('a', 'all', { created: '2026-01-01T00:00:00Z' }),
        rewrite('b', 'exact', { matches, created: '2026-01-02T00:00:00Z' }),
      ],
      'exact',
    ],
  ])('%s', (_, rewrites, target) => {
    expect(targetOf('m', ...rewrites)).toBe(target);
  });

  test('carry the weights of their targets', () => {
    const { rewrites } = policySourcesOf(
      {
        objectives: [],
        rewrites: [
          {
            metadata: { name: 'a' },
            spec: {
              poolRef: ours,
              rules: [{ targets: [{ modelRewrite: 'x', weight: 9 }, { modelRewrite: 'y' }] }],
            },
          },
        ],
      },
      ours,
    );
    expect(rewrites[0]?.rules).toEqual([
      {
        models: [],
        targets: [
          { model: 'x', weight: 9 },
          { model: 'y', weight: undefined },
        ],
      },
    ]);
  });
});
