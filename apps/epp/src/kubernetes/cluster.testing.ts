// SPDX-License-Identifier: Apache-2.0
import {
  inferenceModelRewrites,
  inferenceModelRewritesX,
  inferenceObjectives,
  inferenceObjectivesX,
  inferencePools,
  type InferenceModelRewrite,
  type InferenceObjective,
  type ResourceType,
} from '@llm-d/crd-types';
import { createRandom, VirtualClock } from '@llm-d/determinism';
import { createFleet, createRequestPolicies } from '@llm-d/endpoint-picker';
import { createKubeClient, leases, pods, type Pod } from '@llm-d/kube-runtime';
import { createFakeApiServer, type FakeApiServerOptions } from '@llm-d/kube-runtime/testing';
import { noopMetrics, noopTracer } from '@llm-d/telemetry';
import { recordingLogger, type LogLine } from '@llm-d/telemetry/testing';
import { setImmediate } from 'node:timers/promises';
import type { KubernetesOptions } from './kubernetes-options.ts';
import { startKubernetes, type Kubernetes, type KubernetesParts } from './start-kubernetes.ts';

export const namespace = 'prod';
export const group = 'inference.networking.k8s.io';
const everyType: readonly ResourceType[] = [
  pods,
  leases,
  inferencePools,
  inferenceObjectives,
  inferenceObjectivesX,
  inferenceModelRewrites,
  inferenceModelRewritesX,
];
/** Steps in which time passes: what depends on an answer must get it before much more time is gone. */
const STEP_MS = 25;

/** An API server in virtual time, with replicas of the endpoint picker's Kubernetes part. */
export function virtualCluster(options: Partial<FakeApiServerOptions> = {}) {
  const clock = new VirtualClock({ epochMs: Date.UTC(2026, 0, 1) });
  const server = createFakeApiServer({ types: everyType, clock, ...options });
  // Everything between two timers is microtasks.
  const settle = async (): Promise<void> => {
    await setImmediate();
    // What was marked in a turn is done after it.
    clock.advance(0);
    await setImmediate();
  };
  let replicas = 0;
  return {
    clock,
    server,
    settle,
    pass: async (ms: number): Promise<void> => {
      await settle();
      for (const endMs = clock.nowMs() + ms; clock.nowMs() < endMs;) {
        clock.advance(Math.min(STEP_MS, endMs - clock.nowMs()));
        await settle();
      }
    },
    start: (
      wanted: Partial<KubernetesOptions> = {},
      parts: Partial<KubernetesParts> = {},
    ): Replica => {
      const logger = recordingLogger();
      const fleet = createFleet();
      const policies = createRequestPolicies();
      const replica = ++replicas;
      const kubernetes = startKubernetes(
        {
          cluster: { kind: 'kubeconfig', path: '' },
          namespace,
          poolName: 'llama',
          source: { kind: 'pool', group },
          electsLeader: false,
          podName: undefined,
          ...wanted,
        },
        {
          client: createKubeClient({ transport: server.transport, clock }),
          fleet,
          policies,
          parsers: ['openai-parser'],
          followersDiscover: true,
          clock,
          random: createRandom(replica),
          telemetry: { logger, metrics: noopMetrics, tracer: noopTracer },
          newId: () => `replica-${replica}`,
          ...parts,
        },
      );
      return {
        kubernetes,
        policies,
        fleet,
        lines: logger.lines,
        warnings: () =>
          logger.lines
            .filter(({ level, fields }) => level === 'warn' && 'condition' in fields)
            .map(({ fields }) => `${String(fields['condition'])} ${String(fields['reason'])}`),
        endpoints: () =>
          fleet
            .snapshot()
            .map(({ id, hostPort }) => `${id} ${hostPort}`)
            .sort(),
        condition: (name) => {
          const found = kubernetes.conditions().find((condition) => condition.name === name);
          return found && `${found.status} ${found.reason}`;
        },
        [Symbol.asyncDispose]: () => kubernetes.close(),
      };
    },
    putPool: (spec: object = {}): void => {
      const selector = { matchLabels: { app: 'vllm' } };
      const targetPorts = [{ number: 8000 }];
      server.put(inferencePools, {
        metadata: { name: 'llama', namespace },
        // What tests say about it is what the API server would admit.
        spec: { selector, targetPorts, appProtocol: 'http', ...spec } as never,
      });
    },
    removePool: (): void => {
      server.remove(inferencePools, { name: 'llama', namespace });
    },
    putPod: (name: string, more: PodTraits = {}): void => {
      const { ip = '10.0.0.1', ready = true, labels = { app: 'vllm' }, annotations = {} } = more;
      server.put(pods, {
        metadata: { name, namespace, labels, annotations },
        spec: { containers: [{ name: 'vllm', image: 'vllm' }] },
        status: { podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
      } satisfies Omit<Pod, 'apiVersion' | 'kind'>);
    },
    removePod: (name: string): void => {
      server.remove(pods, { name, namespace });
    },
    putObjective: (
      name: string,
      priority: number,
      type: ResourceType<InferenceObjective> = inferenceObjectives,
    ): void => {
      server.put(type, {
        metadata: { name, namespace },
        spec: { priority, poolRef: { group, kind: 'InferencePool', name: 'llama' } },
      });
    },
    putRewrite: (
      from: string,
      to: string,
      type: ResourceType<InferenceModelRewrite> = inferenceModelRewrites,
    ): void => {
      server.put(type, {
        metadata: { name: `${from}-to-${to}`, namespace },
        spec: {
          poolRef: { group, kind: 'InferencePool', name: 'llama' },
          rules: [
            {
              matches: [{ model: { type: 'Exact', value: from } }],
              targets: [{ modelRewrite: to }],
            },
          ],
        },
      });
    },
  };
}

export interface PodTraits {
  readonly ip?: string;
  readonly ready?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One replica's Kubernetes part, and what it does. */
export interface Replica extends AsyncDisposable {
  readonly kubernetes: Kubernetes;
  readonly fleet: KubernetesParts['fleet'];
  readonly policies: KubernetesParts['policies'];
  /** Everything that was logged. */
  readonly lines: readonly LogLine[];
  /** Conditions that were logged as not met, with their reasons. */
  warnings(): readonly string[];
  /** Ids and addresses of the fleet, sorted. */
  endpoints(): readonly string[];
  /** Status and reason of a condition. */
  readonly condition: (name: string) => string | undefined;
}
