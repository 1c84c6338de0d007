import { expect, test } from 'vitest';
import { readCommand } from '../options.ts';
import type { Environment } from './kubernetes-options.ts';

const optionsOf = (args: readonly string[], environment: Environment = {}) => {
  const command = readCommand(args, environment);
  if (command.kind !== 'run') throw new Error('the command line asks for something else');
  return command.options;
};
const inPod = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

test('the arguments of the conformance suite are enough', () => {
  const args = '--pool-name p --pool-namespace backend --zap-encoder json --grpc-port 9002';
  const { kubernetes, guardsMetrics } = optionsOf(
    [...args.split(' '), '--grpc-health-port', '9003'],
    inPod,
  );
  expect(kubernetes).toEqual({
    cluster: { kind: 'in-cluster', host: '10.96.0.1', port: '443' },
    namespace: 'backend',
    poolName: 'p',
    source: { kind: 'pool', group: 'inference.networking.k8s.io' },
    electsLeader: false,
    podName: undefined,
  });
  expect(guardsMetrics).toBe(true);
});

test('pods may be selected without any custom resource, under the name of our Deployment', () => {
  const { kubernetes } = optionsOf(
    ['--endpoint-selector=app=vllm,tier=x', '--endpoint-target-ports=8000,8001'],
    { ...inPod, POD_NAME: 'my-epp-7d9f8b6c5-x2x4q', NAMESPACE: 'prod' },
  );
  expect(kubernetes).toMatchObject({
    poolName: 'my-epp',
    namespace: 'prod',
    source: {
      kind: 'selector',
      matchLabels: { app: 'vllm', tier: 'x' },
      targetPorts: [8000, 8001],
    },
  });
});

test.each<[string, string[], Environment, string]>([
  ['the flag', ['--pool-namespace=a'], { NAMESPACE: 'b' }, 'a'],
  ['the variable', [], { NAMESPACE: 'b' }, 'b'],
  ['nothing', [], {}, 'default'],
  ['an empty variable', [], { NAMESPACE: '' }, 'default'],
])('the namespace is what %s says', (_, args, environment, namespace) => {
  expect(optionsOf(['--pool-name=p', ...args], environment).kubernetes?.namespace).toBe(namespace);
});

test.each<[string, string[], Environment, object]>([
  [
    'a flag',
    ['--kubeconfig=/a'],
    { ...inPod, KUBECONFIG: '/b' },
    { kind: 'kubeconfig', path: '/a' },
  ],
  ['a variable', [], { ...inPod, KUBECONFIG: '/b:/c' }, { kind: 'kubeconfig', path: '/b' }],
  ['our pod', [], { ...inPod, HOME: '/h' }, { kind: 'in-cluster', host: '10.96.0.1', port: '443' }],
  ['our home', [], { HOME: '/h' }, { kind: 'kubeconfig', path: '/h/.kube/config' }],
])('the cluster is that of %s', (_, args, environment, cluster) => {
  expect(optionsOf(['--pool-name=p', ...args], environment).kubernetes?.cluster).toEqual(cluster);
});

test('whoever lists endpoints in a file asks no cluster, also not about scrapes', () => {
  expect(optionsOf([], inPod)).toMatchObject({ kubernetes: undefined, guardsMetrics: false });
  expect(optionsOf(['--pool-name=p', '--metrics-endpoint-auth=false'], inPod).guardsMetrics).toBe(
    false,
  );
});

test('the metrics port may speak TLS', () => {
  const args = ['--metrics-cert-dir=/c', '--metrics-client-ca-file=/ca.crt'];
  expect(optionsOf(args)).toMatchObject({ metricsCertPath: '/c', metricsClientCaFile: '/ca.crt' });
});

const selector = '--endpoint-selector=app=vllm';
const ports = '--endpoint-target-ports=8000';

test.each([
  [['--pool-name=p', selector, ports], '--pool-name and --endpoint-selector exclude each other'],
  [[selector], 'needs --endpoint-target-ports with one to 8 ports'],
  [[selector, '--endpoint-target-ports=1,2,3,4,5,6,7,8,9'], 'one to 8 ports'],
  [[ports], '--endpoint-target-ports needs --endpoint-selector'],
  [['--endpoint-selector=app in (a)', ports], 'expected labels such as'],
  [[selector, ports, '--ha-enable-leader-election'], 'needs the variable POD_NAME'],
  [['--ha-enable-leader-election'], '--ha-enable-leader-election needs Kubernetes'],
  [['--metrics-endpoint-auth'], '--metrics-endpoint-auth needs Kubernetes'],
  [['--metrics-client-ca-file=/ca.crt'], 'needs --metrics-cert-dir'],
])('%j is refused: %s', (args, message) => {
  expect(() => readCommand(args, inPod)).toThrow(message);
});
