// SPDX-License-Identifier: Apache-2.0
import type { Benchmark } from './benchmark.ts';
import { gatewayStreaming } from './benchmarks/gateway-streaming.ts';
import { gatewayThroughput } from './benchmarks/gateway-throughput.ts';
import { scrapeCost } from './benchmarks/scrape-cost.ts';

/** Every benchmark, in the order in which `all` runs them. */
export const allBenchmarks: readonly Benchmark[] = [
  gatewayThroughput,
  gatewayStreaming,
  scrapeCost,
];
