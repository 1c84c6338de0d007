import { createRandom } from '@llm-d/determinism';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inflightLoad } from '../attributes/inflight-load.ts';
import { prefixMatches } from '../attributes/prefix-matches.ts';
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
        ]),
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
          ]
        : [],
    });
    const made = endpoints.map((e, i) =>
      makeEndpoint(`e${i}`, i)
        .queue(e.waiting)
        .running(e.running)
        .kvUsage(e.kvUsage)
        .reserved(e.reserved)
        .label('role', e.role),
    );
    return { cycle, endpoints: made };
  });

const instancesOf = (point: ExtensionPoint) =>
  schedulingPlugins
    .filter(({ points }) => points.includes(point))
    .flatMap((definition) =>
      (VARIANTS[definition.type] ?? [{}]).map((parameters) => ({
        name: `${definition.type} ${JSON.stringify(parameters)}`,
        make: () => makePlugin(definition, parameters, createRandom(7)),
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
        const totals = Float64Array.from(stream.take(endpoints.length));
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
          const totals = new Float64Array(endpoints.length);
          const picked = picker?.pick(cycle, { endpoints, totals }) ?? [];
          expect(picked).toHaveLength(Math.min(max, endpoints.length));
          expect(new Set(picked).size).toBe(picked.length);
        }),
      );
    });
  },
);

const MEMBERS: Readonly<Partial<Record<ExtensionPoint, string>>> = {
  filter: 'filter',
  scorer: 'scorer',
  picker: 'picker',
  'profile-handler': 'profileHandler',
  'pre-request': 'preRequest',
  response: 'response',
};

test.each(schedulingPlugins)(
  '$type serves the points it declares, in one of its variants',
  (definition) => {
    const served = (VARIANTS[definition.type] ?? [{}]).flatMap((parameters) =>
      Object.keys(makePlugin(definition, parameters)),
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
