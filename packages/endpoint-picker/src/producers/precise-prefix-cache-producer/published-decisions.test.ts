import { createRandom, VirtualClock } from '@llm-d/determinism';
import { loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../../config/picker-registry.ts';
import { createFleet } from '../../fleet/fleet.ts';
import { explainRecord } from '../../picker/record-explanation.ts';
import { pluginStateReport } from '../../plugin-state-report.ts';
import { startEndpointPicker } from '../../running-picker.ts';
import { batchOf, fakeKvSources, storedPrompt } from './fake-kv-sources.testing.ts';

const published = (name: string): string =>
  readFileSync(`${import.meta.dirname}/../../config/testdata/published/${name}.yaml`, 'utf8');
const tokens = (length: number) => Uint32Array.from({ length }, (_, i) => 1 + i);
const settle = () => new Promise((resolve) => setImmediate(resolve));
const [a, b, c] = ['a', 'b', 'c'].map((name) =>
  makeEndpoint(name).label('llm-d.ai/role', 'decode'),
);

async function start(text: string) {
  const sources = fakeKvSources();
  const registry = createPickerRegistry([], { kvEvents: sources });
  const fleet = createFleet();
  const clock = new VirtualClock({ epochMs: Date.UTC(2026, 0, 2) });
  fleet.reconcile(
    [a, b, c].flatMap((endpoint) => (endpoint === undefined ? [] : [{ ...endpoint }])),
  );
  const running = await startEndpointPicker({
    config: loadConfig(text, { registry, allowExperimental: true }),
    registry,
    fleet,
    clock,
    random: createRandom(1),
    metricsTransport: {
      get: () => Promise.resolve(Buffer.alloc(0)),
      forget: () => undefined,
      close: () => Promise.resolve(),
    },
  });
  await settle();
  const pick = async (id: string, ids: Uint32Array) => {
    const request = makeRequest({ id, prompt: { kind: 'tokens', ids } });
    const signal = new AbortController().signal;
    const picked = await running.picker.pick(request, { arrivedMs: clock.nowMs(), signal });
    if (picked.kind === 'refused') throw new Error(picked.message);
    picked.exchange.end({ termination: 'natural' });
    return picked;
  };
  const explain = (id: string) => running.picker.decisions.find(id).map(explainRecord)[0];
  return { sources, running, pick, explain, clock };
}

test.each(['kv', 'kv-external-tokenizer'])(
  'the published configuration %s sends a prompt to the engine that has reported its blocks',
  async (name) => {
    const { sources, running, pick, explain, clock } = await start(published(name));
    expect(sources.bound).toMatchObject([{ endpoint: 'tcp://0.0.0.0:5557' }]);
    expect(sources.followed).toHaveLength(3);
    void sources.bound[0]?.onMessage({
      ...batchOf(b?.hostPort ?? '', 0, storedPrompt(tokens(64))),
      receivedMs: clock.epochMs(),
    });
    clock.advance(100);
    const { endpoints } = await pick('r1', tokens(128));
    expect(endpoints[0].name).toBe('b');
    await expect(`${JSON.stringify(explain('r1'), null, 2)}\n`).toMatchFileSnapshot(
      `./testdata/${name}.decision.json`,
    );
    const { plugins } = pluginStateReport(running, 0);
    expect(Object.values(plugins).filter((plugin) => 'state' in plugin)).toContainEqual(
      expect.objectContaining({
        state: expect.objectContaining({ totalSubscribers: 3, blockSizeTokens: 16 }) as unknown,
      }),
    );
    await running.close();
    expect(clock.pendingTimers).toBe(0);
  },
);

test('prompts that nobody has are spread by no-hit-lru-scorer, and stay where they went', async () => {
  const { pick, running, clock } = await start(`
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: token-producer
  - { type: precise-prefix-cache-producer, parameters: { speculativeIndexing: true } }
  - type: prefix-cache-scorer
    parameters: { prefixMatchInfoProducerName: precise-prefix-cache-producer }
  - type: no-hit-lru-scorer
    parameters: { prefixMatchInfoProducerName: precise-prefix-cache-producer }
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: prefix-cache-scorer, weight: 3 }
      - { pluginRef: no-hit-lru-scorer, weight: 1 }
`);
  const prompts = [1, 2, 3].map((factor) => tokens(64).map((id) => id * 1000 * factor));
  const places: string[] = [];
  for (const prompt of prompts) places.push((await pick('cold', prompt)).endpoints[0].name);
  expect(places.toSorted()).toEqual(['a', 'b', 'c']);
  for (const [i, prompt] of prompts.entries()) {
    expect((await pick('warm', prompt)).endpoints[0].name).toBe(places[i]);
  }
  await running.close();
  expect(clock.pendingTimers).toBe(0);
});

test('what older configurations have is warned of, and what is unknown is refused with its place', () => {
  const registry = createPickerRegistry();
  const load = (parameters: string) =>
    loadConfig(
      `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: precise-prefix-cache-producer
    parameters: ${parameters}
`,
      { registry },
    );
  const config = load(
    '{ tokenProcessorConfig: { blockSize: 64 }, indexerConfig: { tokenizersPoolConfig: { workersCount: 8 } } }',
  );
  const warned = config.warnings.map(({ path, message }) => [path, message]);
  expect(warned).toEqual([
    [
      'plugins[0].parameters.tokenProcessorConfig.blockSize',
      'tokenProcessorConfig.blockSize is deprecated: use tokenProcessorConfig.blockSizeTokens',
    ],
    [
      'plugins[0].parameters.indexerConfig.tokenizersPoolConfig',
      'indexerConfig.tokenizersPoolConfig is deprecated: it has no effect; configure token-producer',
    ],
  ]);
  expect(config.plugins[0]?.parameters).toMatchObject({
    tokenProcessorConfig: { blockSizeTokens: 64 },
  });
  expect(() => load('{ kvEventsConfig: { podDiscoveryConfig: { socketport: 1 } } }')).toThrow(
    'plugins[0].parameters.kvEventsConfig.podDiscoveryConfig.socketport: unknown field; did you mean "socketPort"?',
  );
  expect(() =>
    load('{ indexerConfig: { kvBlockIndexConfig: { costAwareMemoryConfig: { size: much } } } }'),
  ).toThrow('expected a size such as "2GiB" or 2147483648');
});

test.each([
  ['2GiB', 2 * 2 ** 30],
  ['500 MB', 5e8],
  ['1Gi', 2 ** 30],
  [4096, 4096],
])('a size of %s is %d bytes', (size, bytes) => {
  const registry = createPickerRegistry();
  const definition = registry.get('precise-prefix-cache-producer');
  const kvBlockIndexConfig = { costAwareMemoryConfig: { size } };
  expect(definition?.parameters.parse({ indexerConfig: { kvBlockIndexConfig } })).toMatchObject({
    indexerConfig: { kvBlockIndexConfig: { costAwareMemoryConfig: { size: bytes } } },
  });
});
