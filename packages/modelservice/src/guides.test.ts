import { describe, expect, test } from 'vitest';
import { goldenObjects, objectOf, serviceOf } from './golden.testing.ts';
import { objectAt, objectsAt, textsAt, type JsonObject } from './json.ts';
import { renderModelService } from './render-model-service.ts';
import { templatesOf } from './rendered-set.testing.ts';

const podOf = (objects: Parameters<typeof objectOf>[0], kind: string, name: string): JsonObject =>
  objectAt(templatesOf(objectOf(objects, kind, name))[0], 'spec');
const engineOf = (pod: JsonObject): JsonObject => objectsAt(pod, 'containers')[0] ?? {};
const envOf = (container: JsonObject): JsonObject => {
  const values = objectsAt(container, 'env').map(
    ({ name, value }) => [String(name), value ?? 'from elsewhere'] as const,
  );
  return Object.fromEntries<unknown>(values);
};

describe('optimized-baseline', () => {
  const { objects } = renderModelService(
    serviceOf({
      preset: 'optimized-baseline',
      model: { uri: 'hf://Qwen/Qwen3-32B', authSecretRef: { name: 'llm-d-hf-token' } },
      decode: {
        replicas: 8,
        parallelism: { tensor: 2 },
        labels: { 'llm-d.ai/guide': 'optimized-baseline' },
        resources: {
          requests: { cpu: '8', memory: '96Gi' },
          limits: { cpu: '16', memory: '128Gi' },
        },
      },
      gateway: { gatewayRefs: [{ name: 'g' }] },
    }),
  );
  const pod = podOf(objects, 'Deployment', 'svc-decode');
  const engine = engineOf(pod);

  test('eight servers of two accelerators', () => {
    expect(objectAt(objectOf(objects, 'Deployment', 'svc-decode'), 'spec')).toMatchObject({
      replicas: 8,
    });
    expect(engine['resources']).toEqual({
      requests: { cpu: '8', memory: '96Gi', 'nvidia.com/gpu': '2' },
      limits: { cpu: '16', memory: '128Gi', 'nvidia.com/gpu': '2' },
    });
  });

  test('vLLM with the model first and without lines about probes', () => {
    expect(engine['command']).toEqual(['vllm', 'serve']);
    expect(textsAt(engine, 'args')[0]).toBe('Qwen/Qwen3-32B');
    expect(textsAt(engine, 'args')).toEqual(
      expect.arrayContaining([
        '--tensor-parallel-size=2',
        '--disable-access-log-for-endpoints=/health,/metrics,/v1/models',
      ]),
    );
    expect(envOf(engine)).toMatchObject({ HF_TOKEN: 'from elsewhere', USER: 'engine' });
    expect(objectsAt(engine, 'ports')).toContainEqual({
      name: 'modelserver',
      containerPort: 8000,
      protocol: 'TCP',
    });
  });

  test('shared memory, writable caches, no token of the account', () => {
    const shm = objectsAt(pod, 'volumes').find(({ name }) => name === 'shm');
    expect(shm).toMatchObject({ emptyDir: { medium: 'Memory' } });
    expect(objectsAt(engine, 'volumeMounts')).toContainEqual({
      name: 'shm',
      mountPath: '/dev/shm',
    });
    expect(pod['automountServiceAccountToken']).toBe(false);
  });

  test('probes of the model’s list and of health', () => {
    expect(engine).toMatchObject({
      startupProbe: { httpGet: { path: '/v1/models' } },
      livenessProbe: { httpGet: { path: '/health' } },
      readinessProbe: { httpGet: { path: '/v1/models' } },
    });
    const startup = objectAt(engine, 'startupProbe');
    expect(
      Number(startup['periodSeconds']) * Number(startup['failureThreshold']),
    ).toBeGreaterThanOrEqual(3600);
  });

  test('and what the guide has not: an end without errors, a budget, a security context', () => {
    const seconds = Number(
      objectAt(objectAt(objectAt(engine, 'lifecycle'), 'preStop'), 'sleep')['seconds'],
    );
    const drain = Number(
      textsAt(engine, 'args')
        .find((arg) => arg.startsWith('--shutdown-timeout='))
        ?.split('=')[1],
    );
    expect(pod['terminationGracePeriodSeconds']).toBeGreaterThan(seconds + drain);
    expect(objectOf(objects, 'PodDisruptionBudget', 'svc-decode')).toBeDefined();
    expect(pod['securityContext']).toMatchObject({ runAsNonRoot: true });
  });
});

describe('pd-disaggregation', () => {
  const { objects } = renderModelService(
    serviceOf({
      preset: 'pd-disaggregation',
      model: { name: 'openai/gpt-oss-120b', uri: 'hf://openai/gpt-oss-120b' },
      engine: { blockSizeTokens: 128, args: ['--no-disable-hybrid-kv-cache-manager'] },
      decode: { replicas: 2, parallelism: { tensor: 4 } },
      prefill: { replicas: 8 },
      gateway: { gatewayRefs: [{ name: 'g' }] },
    }),
  );
  const decode = podOf(objects, 'Deployment', 'svc-decode');
  const prefill = podOf(objects, 'Deployment', 'svc-prefill');

  test('both roles hand the cache over by NIXL', () => {
    for (const pod of [decode, prefill]) {
      const engine = engineOf(pod);
      expect(textsAt(engine, 'args')).toEqual(
        expect.arrayContaining([
          '--block-size=128',
          '--no-disable-hybrid-kv-cache-manager',
          '--kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}',
        ]),
      );
      expect(objectsAt(engine, 'ports')).toContainEqual({
        name: 'nixl',
        containerPort: 5600,
        protocol: 'TCP',
      });
      expect(envOf(engine)).toMatchObject({
        VLLM_NIXL_SIDE_CHANNEL_HOST: 'from elsewhere',
        VLLM_NIXL_SIDE_CHANNEL_PORT: '5600',
      });
    }
    expect(envOf(engineOf(prefill))).toMatchObject({ VLLM_HTTP_TIMEOUT_KEEP_ALIVE: '120' });
    expect(envOf(engineOf(decode))).not.toHaveProperty('VLLM_HTTP_TIMEOUT_KEEP_ALIVE');
  });

  test('the decode engine stands behind a native sidecar, the prefill engine does not', () => {
    expect(textsAt(engineOf(decode), 'args')).toContain('--port=8200');
    expect(textsAt(engineOf(prefill), 'args')).toContain('--port=8000');
    expect(objectsAt(decode, 'initContainers')).toMatchObject([
      { name: 'routing-proxy', restartPolicy: 'Always', ports: [{ containerPort: 8000 }] },
    ]);
    expect(textsAt(objectsAt(decode, 'initContainers')[0], 'args')).toEqual(
      expect.arrayContaining([
        '--port=8000',
        '--vllm-port=8200',
        '--kv-connector=nixlv2',
        '--secure-proxy=false',
      ]),
    );
    expect(objectsAt(prefill, 'initContainers')).toEqual([]);
    expect(engineOf(decode)).toMatchObject({ readinessProbe: { httpGet: { port: 8200 } } });
  });

  test('accelerators follow from parallelism', () => {
    const count = (pod: JsonObject) =>
      objectAt(objectAt(engineOf(pod), 'resources'), 'limits')['nvidia.com/gpu'];
    expect([count(decode), count(prefill)]).toEqual(['4', '1']);
  });

  test('the pool has both, on one port', () => {
    expect(objectOf(objects, 'InferencePool')).toMatchObject({
      spec: { targetPorts: [{ number: 8000 }] },
    });
    expect(JSON.stringify(objectOf(objects, 'ConfigMap', 'svc-epp-config'))).toContain(
      'disagg-profile-handler',
    );
  });
});

describe('wide-ep', () => {
  const objects = goldenObjects('wide-ep');
  const decode = podOf(objects, 'LeaderWorkerSet', 'deepseek-decode');
  const prefill = podOf(objects, 'LeaderWorkerSet', 'deepseek-prefill');

  test('groups of two pods, all alike', () => {
    for (const role of ['decode', 'prefill']) {
      const group = objectOf(objects, 'LeaderWorkerSet', `deepseek-${role}`);
      const { size, leaderTemplate } = objectAt(objectAt(group, 'spec'), 'leaderWorkerTemplate');
      expect([size, leaderTemplate]).toEqual([2, undefined]);
    }
  });

  test('eight ranks in a pod, sixteen in a group, numbered by the pod', () => {
    for (const [pod, supervisor] of [
      [decode, 8208],
      [prefill, 8008],
    ] as const) {
      const engine = engineOf(pod);
      expect(textsAt(engine, 'args')).toEqual(
        expect.arrayContaining([
          '--data-parallel-size=16',
          '--data-parallel-size-local=8',
          '--data-parallel-multi-port-external-lb',
          `--data-parallel-supervisor-port=${supervisor}`,
          '--data-parallel-address=$(LWS_LEADER_ADDRESS)',
          '--data-parallel-rpc-port=5555',
          '--enable-expert-parallel',
        ]),
      );
      expect(textsAt(engine, 'command').join(' ')).toContain(
        '--data-parallel-start-rank=$((LWS_WORKER_INDEX * 8))',
      );
      expect(objectAt(objectAt(engine, 'resources'), 'limits')).toEqual({ 'nvidia.com/gpu': '8' });
      expect(engine).toMatchObject({
        startupProbe: { httpGet: { path: '/health', port: supervisor } },
        readinessProbe: { httpGet: { path: '/readyz', port: supervisor } },
        securityContext: { capabilities: { add: ['IPC_LOCK', 'SYS_RAWIO'] } },
      });
    }
  });

  test('the roles differ in how experts exchange', () => {
    expect(textsAt(engineOf(decode), 'args')).toEqual(
      expect.arrayContaining(['--all2all-backend=deepep_low_latency', '--enable-dbo']),
    );
    expect(textsAt(engineOf(prefill), 'args')).toContain(
      '--all2all-backend=deepep_high_throughput',
    );
  });

  test('every pod has a sidecar for its ranks, and the pool has a port for each', () => {
    expect(textsAt(objectsAt(decode, 'initContainers')[0], 'args')).toEqual(
      expect.arrayContaining(['--data-parallel-size=8', '--enable-prefiller-sampling=true']),
    );
    const numbers = Array.from({ length: 8 }, (_, rank) => ({ number: 8000 + rank }));
    expect(objectOf(objects, 'InferencePool')).toMatchObject({ spec: { targetPorts: numbers } });
    expect(objectsAt(engineOf(decode), 'ports')).toContainEqual({
      name: 'rank7',
      containerPort: 8207,
      protocol: 'TCP',
    });
    expect(objectsAt(engineOf(prefill), 'ports')).toContainEqual({
      name: 'rank7',
      containerPort: 8007,
      protocol: 'TCP',
    });
  });

  test('a budget counts groups: two may go when one has gone whole', () => {
    expect(objectOf(objects, 'PodDisruptionBudget', 'deepseek-decode')).toMatchObject({
      spec: { maxUnavailable: 1 },
    });
    expect(objectOf(objects, 'PodDisruptionBudget', 'deepseek-prefill')).toMatchObject({
      spec: { maxUnavailable: 3 },
    });
  });
});
