// SPDX-License-Identifier: Apache-2.0
import type { EngineLoad } from '../engines/vllm-exposition.ts';
import type { ExchangeScript } from '../exchange/exchange-script.ts';
import type { Bench } from './bench.ts';
import { routedTo, sendChat } from './by-hand.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectThat, NotJudged } from './difference.ts';
import { destinationOf, expectRouted } from './expectations.ts';
import { chat, chatBody, completion, sseAnswer } from './requests.ts';

const REPEATS = 8;

/** With these loads, every new request goes to the endpoint at this place. */
const prefers =
  (loads: readonly Partial<EngineLoad>[], place: number): ConformanceCase['run'] =>
  async (bench) => {
    await bench.setLoads(loads);
    await expectAlways(bench, place, () => chat(bench));
  };

async function expectAlways(
  bench: Bench,
  place: number,
  script: () => ExchangeScript,
): Promise<void> {
  const expected = bench.fleet.hostPorts[place];
  for (let i = 0; i < REPEATS; i++) {
    const destination = destinationOf(bench, await bench.exchange(script()));
    expectThat(
      destination === expected,
      `request ${i + 1} of ${REPEATS} went to ${destination}, not to ${String(expected)}`,
    );
  }
}

/** Requests of a burst for each endpoint. */
const BURST_PER_ENDPOINT = 20;

/** How many times its share the busiest endpoint got of a burst. */
async function busiestShare(
  bench: Bench,
): Promise<{ readonly share: number; readonly words: string }> {
  const { hostPorts } = bench.fleet;
  if (hostPorts.length < 2) throw new NotJudged('it takes two endpoints');
  const size = BURST_PER_ENDPOINT * hostPorts.length;
  const streams = await Promise.all(Array.from({ length: size }, () => bench.openStream()));
  for (const stream of streams) sendChat(stream, chatBody(bench.freshPrompt(2000)));
  const destinations = await Promise.all(streams.map((stream) => routedTo(stream, bench.waitMs)));
  for (const stream of streams) stream.reset();
  const counts = hostPorts.map(
    (endpoint) => destinations.filter((destination) => destination === endpoint).length,
  );
  return {
    share: Math.max(...counts) / BURST_PER_ENDPOINT,
    words: `of ${size} requests at once the endpoints got ${counts.join(', ')}`,
  };
}

/** Which of the candidates is chosen. */
export const selectionCases: readonly ConformanceCase[] = [
  {
    id: 'selection.queue-and-cache',
    title: 'The endpoint with the shortest queue and the emptiest cache is chosen',
    level: 'must',
    run: prefers(
      [
        { waiting: 3, kvUsage: 0.2 },
        { waiting: 0, kvUsage: 0.1 },
        { waiting: 10, kvUsage: 0.2 },
      ],
      1,
    ),
  },
  {
    id: 'selection.queue',
    title: 'With caches equally full, the shortest queue decides',
    level: 'must',
    run: prefers([{ waiting: 5 }, { waiting: 9 }, { waiting: 1 }], 2),
  },
  {
    id: 'selection.cache',
    title: 'With queues equally long, the emptiest cache decides',
    level: 'must',
    run: prefers([{ kvUsage: 0.1 }, { kvUsage: 0.9 }, { kvUsage: 0.8 }], 0),
  },
  {
    id: 'selection.follows-load',
    title: 'When load moves, requests move',
    level: 'must',
    run: async (bench) => {
      await prefers([{ waiting: 9 }, { waiting: 0 }, { waiting: 9 }], 1)(bench);
      await prefers([{ waiting: 0 }, { waiting: 9 }, { waiting: 9 }], 0)(bench);
    },
  },
  {
    id: 'selection.prefix',
    title: 'A long prompt that comes again goes where it was before, and so does its continuation',
    level: 'must',
    run: async (bench) => {
      for (let i = 0; i < 4; i++) {
        const prompt = bench.freshPrompt(12_000);
        const first = destinationOf(
          bench,
          await bench.exchange(chat(bench, { body: chatBody(prompt) })),
        );
        for (const again of [prompt, prompt, `${prompt} And then what happened?`]) {
          const next = destinationOf(
            bench,
            await bench.exchange(chat(bench, { body: chatBody(again) })),
          );
          expectThat(next === first, `prompt ${i + 1} went to ${first}, and then to ${next}`);
        }
      }
    },
  },
  {
    id: 'selection.prefix-yields-to-load',
    title: 'An endpoint that has the prompt but a long queue and a full cache is passed over',
    level: 'must',
    run: async (bench) => {
      const prompt = bench.freshPrompt(12_000);
      const script = () => chat(bench, { body: chatBody(prompt) });
      const first = destinationOf(bench, await bench.exchange(script()));
      const isFirst = bench.fleet.hostPorts.map((endpoint) => endpoint === first);
      await bench.setLoads(isFirst.map((is) => (is ? { waiting: 50, kvUsage: 1 } : {})));
      const next = destinationOf(bench, await bench.exchange(script()));
      expectThat(next !== first, `it went to ${first} all the same`);
    },
  },
  {
    id: 'selection.lora',
    title:
      'A request for an adapter goes where the adapter is loaded, though that endpoint’s cache is fuller',
    level: 'must',
    setup: 'lora',
    run: async (bench) => {
      const adapter = 'sql-lora';
      const lora = (running: readonly string[]) => ({ running, waiting: [], max: 2 });
      await bench.setLoads([
        { kvUsage: 0.1, lora: lora(['other-1', 'other-2']) },
        { kvUsage: 0.4, lora: lora([adapter, 'other-1']) },
        { kvUsage: 0.1, lora: lora(['other-3', 'other-4']) },
      ]);
      await expectAlways(bench, 1, () =>
        completion(bench, {
          body: JSON.stringify({ model: adapter, prompt: bench.freshPrompt() }),
        }),
      );
    },
  },
  {
    id: 'selection.burst-spreads',
    title: 'A burst over idle endpoints spreads: none gets more than 1.6 times its share',
    level: 'should',
    run: async (bench) => {
      const { share, words } = await busiestShare(bench);
      expectThat(share <= 1.6, words);
    },
  },
  {
    id: 'selection.burst-even',
    title:
      'Each of three bursts over idle endpoints spreads evenly: none gets more than 1.15 times its share',
    level: 'upstream-defect',
    run: async (bench) => {
      // By chance alone one burst in three would do.
      for (let burst = 0; burst < 3; burst++) {
        const { share, words } = await busiestShare(bench);
        expectThat(share <= 1.15, words);
      }
    },
  },
  {
    id: 'selection.unknown-objective',
    title: 'An objective that nobody has defined is no obstacle, under either name of its header',
    level: 'must',
    run: async (bench) => {
      for (const name of ['x-llm-d-inference-objective', 'x-gateway-inference-objective']) {
        expectRouted(
          bench,
          await bench.exchange(chat(bench, { headers: [[name, 'no-such-objective']] })),
        );
      }
    },
  },
  {
    id: 'selection.fairness',
    title: 'A fairness id is no obstacle, under either name of its header',
    level: 'must',
    run: async (bench) => {
      for (const name of ['x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id']) {
        expectRouted(bench, await bench.exchange(chat(bench, { headers: [[name, 'tenant-a']] })));
      }
    },
  },
  {
    id: 'selection.streamed',
    title: 'Load decides about requests for streams in the same way',
    level: 'must',
    run: async (bench) => {
      await bench.setLoads([{ waiting: 9 }, { waiting: 9 }, { waiting: 0 }]);
      await expectAlways(bench, 2, () =>
        chat(bench, { body: chatBody(bench.freshPrompt(), { stream: true }), answer: sseAnswer() }),
      );
    },
  },
];
