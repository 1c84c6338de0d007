import { describe, expect, test } from 'vitest';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import { tokenizedPrompt } from '../../../attributes/tokenized-prompt.ts';
import { endpointTopology } from '../../../attributes/topology.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { disaggDecisionTotal } from '../../../metrics.ts';
import type { MediaItem } from '../../../request.ts';
import { makeEndpoint, makePrefixMatches } from '../../../testing/index.ts';
import { createPlacer, goldenConfig, type Placing } from '../placing.testing.ts';

const role = (name: string, value: string) => makeEndpoint(name).label('llm-d.ai/role', value);
const d = role('d', 'decode');
const p = role('p', 'prefill');
const e = role('e', 'encode');
const image: MediaItem = { kind: 'image', key: 'i' };

const prompt = (tokens: number, matchedBlocks: Record<string, number> = {}) =>
  [
    [tokenizedPrompt(), { ids: new Uint32Array(tokens), estimated: true }],
    [prefixMatches(), makePrefixMatches(matchedBlocks, { blockSizeTokens: 16 })],
  ] as const;
const headers = (parts: { prefill?: Endpoint; encode?: readonly Endpoint[] }) => ({
  ...(parts.prefill && { 'x-prefiller-host-port': parts.prefill.hostPort }),
  ...(parts.encode && {
    'x-encoder-hosts-ports': parts.encode.map(({ hostPort }) => hostPort).join(','),
  }),
});

interface Case {
  readonly name: string;
  readonly config: string;
  readonly placing: Placing;
  readonly picked: Record<string, string>;
  readonly stages?: readonly string[];
  readonly headers?: Record<string, string>;
}

const cases: readonly Case[] = [
  {
    name: 'decodes where nothing else is configured',
    config: 'decode-only',
    placing: { fleet: [p, d, e], attributes: prompt(100) },
    picked: { decode: 'd' },
  },
  {
    name: 'has a long new prompt prefilled elsewhere',
    config: 'pd',
    placing: { fleet: [d, p], attributes: prompt(100) },
    picked: { decode: 'd', prefill: 'p' },
    stages: ['prefill: 100 uncached tokens ≥ 16'],
    headers: headers({ prefill: p }),
  },
  {
    name: 'has a cached prompt prefilled where it is decoded',
    config: 'pd',
    placing: { fleet: [d, p], attributes: prompt(100, { d: 6 }) },
    picked: { decode: 'd' },
    stages: ['−prefill: 4 uncached tokens < 16'],
  },
  {
    name: 'has a short prompt prefilled where it is decoded',
    config: 'pd',
    placing: { fleet: [d, p], attributes: prompt(15) },
    picked: { decode: 'd' },
    stages: ['−prefill: 15 prompt tokens < 16'],
  },
  {
    name: 'does not prefill elsewhere what it does not know',
    config: 'pd',
    placing: { fleet: [d, p] },
    picked: { decode: 'd' },
    stages: ['−prefill: the length of the prompt is not known'],
  },
  {
    name: 'goes on without a prefiller where there is none',
    config: 'pd',
    placing: { fleet: [d], attributes: prompt(100) },
    picked: { decode: 'd', prefill: '' },
    stages: ['prefill: 100 uncached tokens ≥ 16'],
  },
  {
    name: 'takes an endpoint that does both for both',
    config: 'pd',
    placing: { fleet: [role('b', 'both')], attributes: prompt(100) },
    picked: { decode: 'b', prefill: 'b' },
    stages: ['prefill: 100 uncached tokens ≥ 16'],
    headers: headers({ prefill: role('b', 'both') }),
  },
  {
    name: 'always prefills elsewhere if told so',
    config: 'pd-disaggregation',
    placing: { fleet: [d, p] },
    picked: { decode: 'd', prefill: 'p' },
    stages: ['prefill: always'],
    headers: headers({ prefill: p }),
  },
  {
    name: 'has pictures encoded elsewhere',
    config: 'epd-encode-decode',
    placing: { fleet: [d, p, e], request: { mediaItems: [image, image] } },
    picked: { decode: 'd', encode: 'e' },
    stages: ['encode: media items in the prompt: 2'],
    headers: headers({ encode: [e] }),
  },
  {
    name: 'encodes nothing where there is nothing to encode',
    config: 'epd-encode-decode',
    placing: { fleet: [d, p, e] },
    picked: { decode: 'd' },
    stages: ['−encode: no media in the prompt'],
  },
  {
    name: 'encodes, prefills and decodes in three places',
    config: 'epd',
    placing: {
      fleet: [d, p, e],
      request: { mediaItems: [image] },
      attributes: prompt(100, { d: 1 }),
    },
    picked: { decode: 'd', encode: 'e', prefill: 'p' },
    stages: ['encode: media items in the prompt: 1', 'prefill: 84 uncached tokens ≥ 16'],
    headers: headers({ prefill: p, encode: [e] }),
  },
  {
    name: 'understands the flat parameters',
    config: 'disagg-flat-parameters',
    placing: { fleet: [d, p, e], request: { mediaItems: [image] } },
    picked: { d: 'd', p: 'p', e: 'e' },
    stages: ['e: media items in the prompt: 1', 'p: always'],
    headers: headers({ prefill: p, encode: [e] }),
  },
];

describe('the disaggregation handler', () => {
  test.each(cases)('$name', ({ config, placing, picked, stages = [], headers: written = {} }) => {
    expect(createPlacer(goldenConfig(config)).place(placing)).toEqual({
      to: Object.values(picked)[0] === 'b' ? role('b', 'both').hostPort : d.hostPort,
      picked,
      headers: written,
      stages,
    });
  });

  test('places nothing where nothing can decode', () => {
    const placed = createPlacer(goldenConfig('pd')).place({ fleet: [p], attributes: prompt(99) });
    expect(placed).toEqual({ to: undefined, picked: { decode: '' }, headers: {}, stages: [] });
  });

  test('removes what a client sent, and puts IPv6 addresses in brackets', () => {
    const upstream = { 'x-prefiller-host-port': 'evil:1', 'x-encoder-hosts-ports': 'evil:2' };
    const six = p.at('fd00::7', 9000);
    const { place } = createPlacer(goldenConfig('pd'));
    expect(place({ fleet: [d, six], attributes: prompt(100), upstream }).headers).toEqual({
      'x-prefiller-host-port': '[fd00::7]:9000',
    });
    expect(place({ fleet: [d, six], attributes: prompt(1), upstream }).headers).toEqual({});
  });

  test('counts what runs apart', () => {
    const { place, metrics } = createPlacer(goldenConfig('epd'));
    const media = { mediaItems: [image] };
    place({ fleet: [d, p, e], attributes: prompt(100) });
    place({ fleet: [d, p, e], attributes: prompt(100), request: media });
    place({ fleet: [d, p, e], request: media });
    place({ fleet: [d, p, e] });
    place({ fleet: [d] });
    const count = (decision: string) =>
      metrics.value(disaggDecisionTotal, {
        plugin_name: 'disagg-profile-handler',
        plugin_type: 'disagg-profile-handler',
        model_name: 'm',
        decision_type: decision,
      });
    expect(
      ['decode-only', 'prefill-decode', 'encode-decode', 'encode-prefill-decode'].map(count),
    ).toEqual([2, 1, 1, 1]);
  });
});

describe('prefill first', () => {
  const config = `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - { type: disagg-profile-handler, parameters: { stageOrder: prefill-first } }
  - type: prefill-filter
  - type: decode-filter
  - type: topology-affinity-filter
schedulingProfiles:
  - { name: prefill, plugins: [{ pluginRef: prefill-filter }] }
  - name: decode
    plugins: [{ pluginRef: decode-filter }, { pluginRef: topology-affinity-filter }]
`;
  const far = role('f', 'decode');
  const topology = {
    of: ({ name }: Endpoint) => ({ host: name === 'f' ? 'h2' : 'h1' }),
  };

  test('chooses the decoder with an eye to the prefiller', () => {
    const attributes = [[endpointTopology(), topology]] as const;
    const { place } = createPlacer(config);
    expect(place({ fleet: [far, p, d], attributes })).toEqual({
      to: d.hostPort,
      picked: { prefill: 'p', decode: 'd' },
      headers: headers({ prefill: p }),
      stages: ['prefill: stageOrder prefill-first'],
    });
    expect(place({ fleet: [far, p], attributes }).picked).toEqual({ prefill: 'p', decode: 'f' });
  });

  test('decodes where nobody prefills', () => {
    expect(createPlacer(config).place({ fleet: [d] })).toMatchObject({
      to: d.hostPort,
      picked: { prefill: '', decode: 'd' },
      headers: {},
    });
  });
});
