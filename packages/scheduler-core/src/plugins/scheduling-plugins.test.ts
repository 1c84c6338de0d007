import { createRandom } from '@llm-d/determinism';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encoderCacheMatches } from '../attributes/encoder-cache-matches.ts';
import { inflightLoad } from '../attributes/inflight-load.ts';
import { latencyPredictions } from '../attributes/latency-predictions.ts';
import { prefixMatches } from '../attributes/prefix-matches.ts';
import { tokenizedPrompt } from '../attributes/tokenized-prompt.ts';
import { endpointTopology, peerEndpoint } from '../attributes/topology.ts';
import type { SchedulingCycle } from '../cycle.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnyPluginDefinition, ExtensionPoint } from '../plugin-definition.ts';
import {
  makeCycle,
  makeEndpoint,
  makeInflightLoad,
  makePlugin,
  makePrefixMatches,
} from '../testing/index.ts';
import { schedulingPlugins } from './scheduling-plugins.ts';

/** Parameters under which a type does something worth testing, where its defaults do not. */
const VARIANTS: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  'utilization-filter': [
    { conditions: [{ metric: 'waiting-queue', maxValue: 20 }] },
    { conditions: [{ metric: 'active-requests', maxValue: 5 }], fallbackOnEmpty: true },
  ],
  'label-selector-filter': [{ matchLabels: { role: 'decode' } }],
  'prefix-cache-affinity-filter': [{ affinityThreshold: 0.3 }, { maxTTFTPenaltyMs: 0 }],
  'prefix-cache-scorer': [{}, { matchLengthWeight: 0.5, matchLengthScaleTokens: 64 }],
  'active-request-scorer': [{}, { idleThreshold: 3, maxBusyScore: 0.4 }],
  'session-affinity-scorer': [{}, { strategy: 'session_id' }],
  'session-affinity-filter': [{}, { strategy: 'session_id' }],
  'by-label': [
    { label: 'role', validValues: ['decode'] },
    { label: 'zone', allowsNoLabel: true },
  ],
  'by-label-selector': [{ matchLabels: { role: 'decode' } }],
  'endpoint-attribute-filter': ['Pass', 'Fail'].map((onMissing) => ({
    attribute: 'heat',
    onMissing,
    algorithm: { type: 'threshold', threshold: { operator: 'LessThan', value: 50 } },
  })),
  'slo-headroom-tier-filter': [{}, { epsilonExploreNeg: 0.5 }],
  'topology-affinity-filter': [{}, { minAffinity: 'zone' }],
  'context-length-aware': [{}, { enableFiltering: true }],
  'header-label-affinity-scorer': [{ headerName: 'X-Role', labelKey: 'role' }],
  'endpoint-attribute-scorer': [
    { attributeKey: 'heat', algorithm: { type: 'linear_lower_is_better' } },
    {
      attributeKey: 'heat',
      algorithm: {
        type: 'linear_higher_is_better',
        normalization: { fixedRange: { min: 20, max: 60 } },
      },
    },
  ],
  'prefix-based-pd-decider': [{}, { nonCachedTokens: 64 }],
  'priority-holdback-policy': [{ minCeiling: 0.5 }],
  'latency-scorer': [{}, { headroomSelectionStrategy: 'most', tpotWeight: 0 }],
};

/** What some types refer to. */
const others = {
  'prefix-based-pd-decider': { decider: { decide: () => ({ disaggregate: true, reason: '' }) } },
};

interface Situation {
  readonly cycle: SchedulingCycle;
  readonly endpoints: readonly Endpoint[];
}

const endpoint = fc.record({
  waiting: fc.nat({ max: 50 }),
  running: fc.nat({ max: 300 }),
  kvUsage: fc.double({ min: 0, max: 1, noNaN: true }),
  reserved: fc.oneof(fc.constant(0), fc.nat({ max: 30 })),
  matched: fc.nat({ max: 20 }),
  requests: fc.nat({ max: 12 }),
  tokens: fc.nat({ max: 5_000_000 }),
  role: fc.constantFrom('decode', 'prefill'),
  ttftHeadroomMs: fc.integer({ min: -500, max: 500 }),
  tpotHeadroomMs: fc.integer({ min: -50, max: 50 }),
  heat: fc.option(fc.nat({ max: 100 }), { nil: undefined }),
  host: fc.option(fc.constantFrom('h1', 'h2'), { nil: undefined }),
  range: fc.option(fc.constantFrom('0-100', '100-8192', '5-5', 'long'), { nil: undefined }),
});

const situation: fc.Arbitrary<Situation> = fc
  .record({
    endpoints: fc.array(endpoint, { minLength: 1, maxLength: 12 }),
    attributes: fc.boolean(),
    header: fc.constantFrom('s', Buffer.from('default/e0-rank-0').toString('base64')),
  })
  .map(({ endpoints, attributes, header }) => {
    const by = <T>(value: (e: (typeof endpoints)[number]) => T): Record<string, T> =>
      Object.fromEntries(endpoints.map((e, i) => [`e${i}`, value(e)]));
    const cycle = makeCycle({
      request: {
        headers: new Map([
          ['x-session-token', header],
          ['x-session-id', header],
          ['x-role', 'decode'],
          ['test-epp-endpoint-selection', '10.0.0.1,10.0.0.3:8000'],
        ]),
        targetModel: 'adapter',
      },
      attributes: attributes
        ? [
            [
              prefixMatches(),
              makePrefixMatches(
                by((e) => e.matched),
                { totalBlocks: 20 },
              ),
            ],
            [
              inflightLoad(),
              makeInflightLoad(by(({ requests, tokens }) => ({ requests, tokens }))),
            ],
            [tokenizedPrompt(), { ids: new Uint32Array(150), estimated: true }],
            [
              encoderCacheMatches(),
              {
                totalSize: 20,
                matchedSize: ({ name }: Endpoint) => by((e) => e.matched)[name] ?? 0,
              },
            ],
            [
              latencyPredictions(),
              {
                of: ({ name }: Endpoint) => {
                  const e = by((each) => each)[name];
                  return e === undefined || e.requests === 7
                    ? undefined
                    : { ...e, ttftMs: 1, tpotMs: 1, dispatchedRequests: e.requests };
                },
              },
            ],
            [
              endpointTopology(),
              {
                of: ({ name }: Endpoint) => {
                  const host = by((e) => e.host)[name];
                  return host === undefined ? undefined : { host, zone: 'z' };
                },
              },
            ],
            [peerEndpoint, makeEndpoint('e0', 0)],
          ]
        : [],
    });
    const made = endpoints.map((e, i) => {
      const plain = makeEndpoint(`e${i}`, i)
        .queue(e.waiting)
        .running(e.running)
        .kvUsage(e.kvUsage)
        .reserved(e.reserved)
        .metric({
          custom: e.heat === undefined ? {} : { heat: e.heat },
          activeLoras: e.requests > 6 ? ['adapter'] : ['another'],
          waitingLoras: e.requests > 3 ? ['adapter'] : [],
          maxLoras: 2,
        })
        .label('role', e.role)
        .label('llm-d.ai/role', e.role);
      return e.range === undefined ? plain : plain.label('llm-d.ai/context-length-range', e.range);
    });
    return { cycle, endpoints: made };
  });

const instancesOf = (point: ExtensionPoint) =>
  schedulingPlugins
    .filter(({ points }) => points.includes(point))
    .flatMap((definition) =>
      (VARIANTS[definition.type] ?? [{}]).map((parameters) => ({
        name: `${definition.type} ${JSON.stringify(parameters)}`,
        make: () => makePlugin(definition, parameters, { random: createRandom(7), others }),
      })),
    );

describe.each(instancesOf('scorer'))('the scorer $name', ({ make }) => {
  test('rates every candidate within [0, 1]', () => {
    const { scorer } = make();
    fc.assert(
      fc.property(situation, ({ cycle, endpoints }) => {
        const scores = scorer?.score(cycle, endpoints) ?? [];
        expect(scores).toHaveLength(endpoints.length);
        for (const score of Array.from(scores)) expect(score >= 0 && score <= 1).toBe(true);
      }),
    );
  });

  test('copes with no candidates', () => {
    expect(make().scorer?.score(makeCycle(), [])).toHaveLength(0);
  });
});

describe.each(instancesOf('filter'))('the filter $name', ({ make }) => {
  test('keeps a subset in the given order, the very array where it drops nothing', () => {
    const { filter } = make();
    fc.assert(
      fc.property(situation, ({ cycle, endpoints }) => {
        const kept = filter?.filter(cycle, endpoints) ?? [];
        expect(kept).toEqual(endpoints.filter((candidate) => kept.includes(candidate)));
        if (kept.length === endpoints.length) expect(kept).toBe(endpoints);
      }),
    );
  });
});

describe.each(instancesOf('picker'))('the picker $name', ({ make }) => {
  const scored = fc.tuple(
    situation,
    fc.infiniteStream(fc.double({ min: -1, max: 7, noNaN: true })),
  );

  test('picks a candidate and changes nothing it was given', () => {
    const { picker } = make();
    fc.assert(
      fc.property(scored, ([{ cycle, endpoints }, stream]) => {
        const totals = Array.from(stream.take(endpoints.length));
        const before = [[...endpoints], [...totals]];
        const picked = picker?.pick(cycle, { endpoints, totals }) ?? [];
        expect(picked).toHaveLength(1);
        expect(endpoints).toContain(picked[0]);
        expect([[...endpoints], [...totals]]).toEqual(before);
      }),
    );
  });
});

describe.each(schedulingPlugins.filter(({ points }) => points.includes('picker')))(
  'the picker $type, asked for several',
  (definition) => {
    test('picks distinct candidates, as many as there are and it may', () => {
      fc.assert(
        fc.property(situation, fc.integer({ min: 1, max: 15 }), ({ cycle, endpoints }, max) => {
          const { picker } = makePlugin(definition, { maxNumOfEndpoints: max });
          const totals = endpoints.map(() => 0);
          const picked = picker?.pick(cycle, { endpoints, totals }) ?? [];
          expect(picked).toHaveLength(Math.min(max, endpoints.length));
          expect(new Set(picked).size).toBe(picked.length);
        }),
      );
    });
  },
);

describe.each(instancesOf('decider'))('the decider $name', ({ make }) => {
  test('always gives a reason', () => {
    const { decider } = make();
    fc.assert(
      fc.property(situation, fc.boolean(), ({ cycle, endpoints }, isChosen) => {
        expect(decider?.decide(cycle, isChosen ? endpoints[0] : undefined).reason).not.toBe('');
      }),
    );
  });
});

describe.each(instancesOf('admitter'))('the admitter $name', ({ make }) => {
  test('lets every request of normal priority pass', () => {
    const { admitter } = make();
    fc.assert(
      fc.property(situation, fc.nat({ max: 9 }), ({ cycle, endpoints }, priority) => {
        const request = { ...cycle.request, priority };
        expect(admitter?.admit({ ...cycle, request }, endpoints)).toEqual({ admitted: true });
      }),
    );
  });

  test('gives a reason for every refusal', () => {
    const { admitter } = make();
    fc.assert(
      fc.property(situation, ({ cycle, endpoints }) => {
        const request = { ...cycle.request, priority: -1 };
        const admission = admitter?.admit({ ...cycle, request }, endpoints);
        if (admission?.admitted === false) expect(admission.message).not.toBe('');
      }),
    );
  });
});

const MEMBERS: Readonly<Partial<Record<ExtensionPoint, string>>> = {
  filter: 'filter',
  scorer: 'scorer',
  picker: 'picker',
  'profile-handler': 'profileHandler',
  decider: 'decider',
  admitter: 'admitter',
  'request-headers': 'requestHeaders',
  'pre-request': 'preRequest',
  response: 'response',
  'saturation-detector': 'saturationDetector',
  'ordering-policy': 'orderingPolicy',
  'fairness-policy': 'fairnessPolicy',
  'usage-limit-policy': 'usageLimitPolicy',
  'eviction-filter': 'evictionFilter',
  'eviction-ordering': 'evictionOrdering',
};

test.each(schedulingPlugins)(
  '$type serves the points it declares, in one of its variants',
  (definition) => {
    const served = (VARIANTS[definition.type] ?? [{}]).flatMap((parameters) =>
      Object.keys(makePlugin(definition, parameters, { others })),
    );
    for (const point of definition.points) expect(served).toContain(MEMBERS[point]);
  },
);

test.each(schedulingPlugins)(
  '$type refuses a parameter it does not have',
  (definition: AnyPluginDefinition) => {
    const [parameters] = VARIANTS[definition.type] ?? [{}];
    expect(definition.parameters.safeParse(parameters).success).toBe(true);
    expect(definition.parameters.safeParse({ ...parameters, noSuchField: 1 }).success).toBe(false);
  },
);
