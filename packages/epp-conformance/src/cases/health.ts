// SPDX-License-Identifier: Apache-2.0
import { externalProcessorService } from '@llm-d/protos';
import type { ConformanceCase } from './conformance-case.ts';
import { expectEqual } from './difference.ts';

const serves =
  (service: string): ConformanceCase['run'] =>
  async (bench) => {
    expectEqual(
      `health of ${service || 'the server'}`,
      await bench.health().check(service),
      'SERVING',
    );
  };

/** gRPC health on its port. */
export const healthCases: readonly ConformanceCase[] = [
  {
    id: 'health.inference-extension',
    title:
      'inference-extension, which charts and the conformance suite for gateways ask for, is SERVING',
    level: 'must',
    run: serves('inference-extension'),
  },
  {
    id: 'health.ext-proc',
    title: 'The name of ext_proc, which proxies ask for, is SERVING',
    level: 'must',
    run: serves(externalProcessorService),
  },
  {
    id: 'health.liveness',
    title: 'liveness, which charts with several replicas ask for, is SERVING',
    level: 'must',
    run: serves('liveness'),
  },
  {
    id: 'health.readiness',
    title: 'readiness, which charts with several replicas ask for, is SERVING',
    level: 'must',
    run: serves('readiness'),
  },
  {
    id: 'health.server',
    title: 'The server as a whole is SERVING',
    level: 'must',
    run: serves(''),
  },
  {
    id: 'health.watch',
    title: 'Watch tells the status',
    level: 'should',
    run: async (bench) => {
      using watch = bench.health().watch(externalProcessorService);
      expectEqual('first status', await watch.next(), 'SERVING');
    },
  },
];
