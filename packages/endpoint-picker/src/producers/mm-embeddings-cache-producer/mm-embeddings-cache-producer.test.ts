import {
  encoderCacheMatches,
  tokenizedPrompt,
  type Attribute,
  type Endpoint,
  type MediaItem,
  type Plugin,
  type ProfileOutcome,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import { makeCycle, makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import {
  encoderCacheHitRatio,
  encoderCacheHitsTotal,
  encoderCacheQueriesTotal,
} from '../../metric-definitions/data-series.ts';
import { instantiate, produce } from '../producing.testing.ts';
import { mmEmbeddingsCacheProducer } from './mm-embeddings-cache-producer.ts';

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;
const fleet: readonly Endpoint[] = [a, b, c];
const image = (key: string, sizeTokens?: number): MediaItem => ({
  kind: 'image',
  key,
  ...(sizeTokens !== undefined && { sizeTokens }),
});

const outcome = (profile: string, picked: readonly Endpoint[]): ProfileOutcome => ({
  profile,
  candidates: picked,
  filters: [],
  scored: picked,
  scorers: [],
  totals: picked.map(() => 0),
  picked,
});
const placed = (stages: Record<string, readonly Endpoint[]> = {}): SchedulingResult => ({
  kind: 'scheduled',
  primary: 'decode',
  endpoints: [a],
  outcomes: new Map(
    Object.entries({ decode: [a], ...stages }).map(([name, picked]) => [
      name,
      outcome(name, picked),
    ]),
  ),
});

const send = (plugin: Plugin, mediaItems: readonly MediaItem[], result = placed()): void => {
  plugin.preRequest?.preRequest(makeCycle({ request: { mediaItems } }), result, new Map());
};
/** Share of the items that each server is believed to hold. */
const shares = async (plugin: Plugin, mediaItems: readonly MediaItem[]) => {
  const matches = (await produce(plugin, { request: { mediaItems } })).attributes.get(
    encoderCacheMatches(),
  );
  return matches && fleet.map((endpoint) => matches.matchedSize(endpoint) / matches.totalSize);
};

describe('the encoder cache', () => {
  test('is where the media went', async () => {
    const plugin = instantiate(mmEmbeddingsCacheProducer);
    expect(await shares(plugin, [image('i')])).toEqual([0, 0, 0]);
    send(plugin, [image('i')]);
    expect(await shares(plugin, [image('i'), image('j')])).toEqual([0.5, 0, 0]);
  });

  test('counts items by their size, each once', async () => {
    const plugin = instantiate(mmEmbeddingsCacheProducer);
    send(plugin, [image('i')]);
    const items = [image('i', 30), image('i', 30), image('j', 10)];
    expect(await shares(plugin, items)).toEqual([0.75, 0, 0]);
  });

  test.each([
    ['the encoders', { encode: [b, c], prefill: [c] }, {}, [0, 1, 1]],
    ['the prefiller where nobody else encodes', { encode: [], prefill: [c] }, {}, [0, 0, 1]],
    ['the encoders by another name', { mine: [b] }, { encodeProfile: 'mine' }, [0, 1, 0]],
  ])('is that of %s', async (_name, stages, parameters, expected) => {
    const plugin = instantiate(mmEmbeddingsCacheProducer, { parameters });
    send(plugin, [image('i')], placed(stages));
    expect(await shares(plugin, [image('i')])).toEqual(expected);
  });

  test('holds 2 MiB for an item and forgets the one unused for longest', async () => {
    const plugin = instantiate(mmEmbeddingsCacheProducer, {
      parameters: { cacheSizeInMBPerServer: 5 },
    });
    send(plugin, [image('i'), image('j'), image('k')]);
    expect(await shares(plugin, [image('i')])).toEqual([0, 0, 0]);
    expect(await shares(plugin, [image('j'), image('k')])).toEqual([1, 0, 0]);
  });

  test('goes with its server', async () => {
    const plugin = instantiate(mmEmbeddingsCacheProducer);
    send(plugin, [image('i')]);
    plugin.endpoints?.endpointRemoved?.(a);
    expect(await shares(plugin, [image('i')])).toEqual([0, 0, 0]);
  });

  test('is of the media that the tokenizer found, where it found any', async () => {
    const plugin = instantiate(mmEmbeddingsCacheProducer);
    const media = [
      { kind: 'image', key: 'engine-hash', offset: 4, length: 30 },
      { kind: 'image', key: 'other', offset: 40, length: 10 },
    ];
    const tokenized = [tokenizedPrompt(), { ids: new Uint32Array(50), estimated: false, media }];
    const cycle = makeCycle({
      request: { mediaItems: [image('address')] },
      attributes: [tokenized as [Attribute<unknown>, unknown]],
    });
    plugin.preRequest?.preRequest(cycle, placed(), new Map());
    expect(await shares(plugin, [image('engine-hash', 3), image('address')])).toEqual([0.75, 0, 0]);
  });

  test('is not asked for where there are no media', async () => {
    expect(await shares(instantiate(mmEmbeddingsCacheProducer), [])).toBeUndefined();
  });
});

test('look-ups and hits are counted by kind and server, matches by candidate', async () => {
  const metrics = recordingMetrics();
  const telemetry = { ...noopTelemetry, metrics };
  const plugin = instantiate(mmEmbeddingsCacheProducer, { telemetry });
  const labels = {
    plugin_type: 'mm-embeddings-cache-producer',
    plugin_name: 'mm-embeddings-cache-producer',
  };
  send(plugin, [image('i')]);
  await produce(plugin, {
    candidates: fleet,
    request: { mediaItems: [image('i'), image('j')] },
  });
  send(plugin, [image('i'), image('j')]);
  expect(metrics.value(encoderCacheQueriesTotal, { ...labels, modality: 'image' })).toBe(3);
  expect(metrics.value(encoderCacheHitsTotal, { ...labels, pod: 'a', modality: 'image' })).toBe(1);
  expect(metrics.observations(encoderCacheHitRatio, labels)).toEqual([0.5, 0, 0]);
});
