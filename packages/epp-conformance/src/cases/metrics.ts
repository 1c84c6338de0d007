// SPDX-License-Identifier: Apache-2.0
import type { MetricsPage } from '../probes/metrics-page.ts';
import type { AnswerScript } from '../exchange/exchange-script.ts';
import { chunksOf } from '../exchange/exchange-script.ts';
import type { Bench } from './bench.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual, expectThat, NotJudged, shown } from './difference.ts';
import { expectRouted } from './expectations.ts';
import { chat, jsonAnswer, sseAnswer, sseEvents, streamedChat } from './requests.ts';

/** Metrics of llm-d-router v0.10 that every request leaves its traces in, or that are always there. */
const CURRENT = [
  'request_total',
  'request_running',
  'request_duration_seconds',
  'request_size_bytes',
  'response_size_bytes',
  'request_input_tokens',
  'request_output_tokens',
  'average_kv_cache_utilization',
  'average_queue_size',
  'average_running_requests',
  'ready_endpoints',
  'scheduler_e2e_duration_seconds',
  'scheduler_attempts_total',
  'plugin_duration_seconds',
  'info',
].map((name) => `llm_d_epp_${name}`);

const FORMER = [
  'inference_objective_request_total',
  'inference_objective_running_requests',
  'inference_objective_request_duration_seconds',
  'inference_objective_request_sizes',
  'inference_objective_response_sizes',
  'inference_objective_input_tokens',
  'inference_objective_output_tokens',
  'inference_pool_average_kv_cache_utilization',
  'inference_pool_average_queue_size',
  'inference_pool_ready_pods',
  'inference_extension_scheduler_e2e_duration_seconds',
  'inference_extension_plugin_duration_seconds',
  'inference_extension_info',
];

const hasNames =
  (names: readonly string[]): ConformanceCase['run'] =>
  async (bench) => {
    expectRouted(bench, await bench.exchange(chat(bench)));
    expectRouted(bench, await bench.exchange(streamedChat(bench)));
    const page = await bench.metrics();
    // Counters and histograms may be announced by a family's name or be there as series.
    const isThere = (name: string) =>
      [name, `${name}_count`, `${name}_bucket`].some((one) => page.names.has(one));
    const missing = names.filter((name) => !isThere(name));
    expectThat(missing.length === 0, `missing: ${missing.join(', ')}`);
  };

/** What a metric of either generation says; undefined where there is neither. */
const either = (page: MetricsPage, names: readonly [current: string, former: string]) =>
  page.sum(names[0]) ?? page.sum(names[1]);

/** By how much a metric rises with one exchange, once it has risen at all. */
async function rise(
  bench: Bench,
  names: readonly [current: string, former: string],
  answer: AnswerScript,
): Promise<number> {
  const read = async () => either(await bench.metrics(), names);
  // So that the metric is there, if it ever is.
  expectRouted(bench, await bench.exchange(chat(bench)));
  if (!(await bench.eventually(async () => (await read()) !== undefined, 1000))) {
    throw new NotJudged(`neither ${names.join(' nor ')} is there`);
  }
  const before = (await read()) ?? 0;
  expectRouted(bench, await bench.exchange(chat(bench, { answer })));
  await bench.eventually(async () => ((await read()) ?? 0) > before, 1000);
  return ((await read()) ?? 0) - before;
}

const INPUT_TOKENS = [
  'llm_d_epp_request_input_tokens_sum',
  'inference_objective_input_tokens_sum',
] as const;
const REQUESTS = ['llm_d_epp_request_total', 'inference_objective_request_total'] as const;
const ERRORS = [
  'llm_d_epp_request_error_total',
  'inference_objective_request_error_total',
] as const;
const ENDPOINTS = ['llm_d_epp_ready_endpoints', 'inference_pool_ready_pods'] as const;

/** Tokens of the prompt by the answers that cases send. */
const PROMPT_TOKENS = 7;

const countsTokens =
  (answer: () => AnswerScript): ConformanceCase['run'] =>
  async (bench) => {
    expectEqual('input tokens counted', await rise(bench, INPUT_TOKENS, answer()), PROMPT_TOKENS);
  };

/** What is measured. */
export const metricsCases: readonly ConformanceCase[] = [
  {
    id: 'metrics.page',
    title: '/metrics is a Prometheus page',
    level: 'should',
    run: async (bench) => {
      const { names } = await bench.metrics();
      expectThat(names.size > 0, 'it has no metrics');
    },
  },
  {
    id: 'metrics.current-names',
    title: 'Metrics have the names of llm-d-router',
    level: 'should',
    run: hasNames(CURRENT),
  },
  {
    id: 'metrics.former-names',
    title: 'Metrics have the names of the gateway API inference extension as well',
    level: 'should',
    run: hasNames(FORMER),
  },
  {
    id: 'metrics.requests',
    title: 'Each request is counted once',
    level: 'should',
    run: async (bench) => {
      expectEqual('requests counted', await rise(bench, REQUESTS, jsonAnswer()), 1);
    },
  },
  {
    id: 'metrics.usage-json',
    title: 'Tokens are counted by the usage in a JSON answer',
    level: 'should',
    run: countsTokens(() => jsonAnswer()),
  },
  {
    id: 'metrics.usage-sse',
    title: 'Tokens are counted by the usage in a streamed answer',
    level: 'should',
    run: countsTokens(() => sseAnswer()),
  },
  {
    id: 'metrics.usage-sse-split',
    title: 'Tokens are counted though the event with the usage is split over chunks',
    level: 'upstream-defect',
    run: countsTokens(() => sseAnswer(chunksOf(Buffer.from(sseEvents().join('')), [41]))),
  },
  {
    id: 'metrics.server-errors',
    title: 'Errors of model servers are counted',
    level: 'upstream-defect',
    run: async (bench) => {
      const read = async () => either(await bench.metrics(), ERRORS) ?? 0;
      const before = await read();
      const answer = { ...jsonAnswer('{}'), status: 500 };
      expectRouted(bench, await bench.exchange(chat(bench, { answer })));
      const isCounted = await bench.eventually(async () => (await read()) > before, 1000);
      expectThat(isCounted, 'a status of 500 is not counted');
    },
  },
  {
    id: 'metrics.endpoints',
    title: 'The number of endpoints is told',
    level: 'should',
    run: async (bench) => {
      bench.engines();
      const expected = bench.fleet.hostPorts.length;
      const read = async () => either(await bench.metrics(), ENDPOINTS);
      // llm-d looks every five seconds.
      const isTold = await bench.eventually(async () => (await read()) === expected, 7000);
      expectThat(isTold, `expected ${expected}, got ${shown(await read())}`);
    },
  },
];
