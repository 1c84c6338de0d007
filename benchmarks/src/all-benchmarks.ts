// SPDX-License-Identifier: Apache-2.0
import type { Benchmark } from './benchmark.ts';
import { engineSteps } from './benchmarks/engine-steps.ts';
import { eppIdle } from './benchmarks/epp-idle.ts';
import { eppLatency } from './benchmarks/epp-latency.ts';
import { eppStreaming } from './benchmarks/epp-streaming.ts';
import { eppThroughput } from './benchmarks/epp-throughput.ts';
import { flowControl } from './benchmarks/flow-control.ts';
import { gatewayLatency } from './benchmarks/gateway-latency.ts';
import { gatewayMemory } from './benchmarks/gateway-memory.ts';
import { gatewayStreaming } from './benchmarks/gateway-streaming.ts';
import { gatewayThroughput } from './benchmarks/gateway-throughput.ts';
import { kvBus } from './benchmarks/kv-bus.ts';
import { kvEndToEnd } from './benchmarks/kv-end-to-end.ts';
import { kvEvents } from './benchmarks/kv-events.ts';
import { kvIngest } from './benchmarks/kv-ingest.ts';
import { kvLookup } from './benchmarks/kv-lookup.ts';
import { kvRedis } from './benchmarks/kv-redis.ts';
import { kvSnapshot } from './benchmarks/kv-snapshot.ts';
import { prefixHash } from './benchmarks/prefix-hash.ts';
import { requestKeys } from './benchmarks/request-keys.ts';
import { requestParse } from './benchmarks/request-parse.ts';
import { responseObserver } from './benchmarks/response-observer.ts';
import { scheduling } from './benchmarks/scheduling.ts';
import { scrapeCost } from './benchmarks/scrape-cost.ts';
import { sidecar } from './benchmarks/sidecar.ts';
import { tokenizer } from './benchmarks/tokenizer.ts';

/** Every benchmark, in the order in which `all` runs them. */
export const allBenchmarks: readonly Benchmark[] = [
  gatewayThroughput,
  gatewayLatency,
  gatewayStreaming,
  sidecar,
  eppThroughput,
  eppLatency,
  eppStreaming,
  eppIdle,
  scrapeCost,
  scheduling,
  flowControl,
  requestParse,
  tokenizer,
  prefixHash,
  requestKeys,
  kvIngest,
  kvEvents,
  kvBus,
  kvEndToEnd,
  kvLookup,
  kvRedis,
  kvSnapshot,
  responseObserver,
  engineSteps,
  gatewayMemory,
];
