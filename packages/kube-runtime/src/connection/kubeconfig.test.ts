import { VirtualClock } from '@llm-d/determinism';
import { createTempDir } from '@llm-d/test-kit';
import { expect, test } from 'vitest';
import { kubeconfigConnection } from './kubeconfig.ts';

const kubeconfig = (user: object, cluster: object = {}): string =>
  // JSON is YAML.
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: 'https://api.example:6443/', ...cluster } },
      { name: 'plain', cluster: { server: 'http://127.0.0.1:8001' } },
    ],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'serving' } },
      { name: 'proxy', context: { cluster: 'plain', user: 'u' } },
      { name: 'broken', context: { cluster: 'none', user: 'u' } },
    ],
    'current-context': 'main',
  });

const base64 = (text: string) => Buffer.from(text).toString('base64');
const clock = new VirtualClock();

test.each([
  ['a token', { token: 't' }, { authorization: 'Bearer t' }],
  ['a password', { username: 'u', password: 'p' }, { authorization: `Basic ${base64('u:p')}` }],
  ['nothing', {}, {}],
])('a user with %s', async (_, user, headers) => {
  const connection = await kubeconfigConnection({ text: kubeconfig(user), clock });
  expect(connection).toMatchObject({ server: 'https://api.example:6443', namespace: 'serving' });
  expect(await connection.credentials.headers()).toEqual(headers);
});

test('certificates are taken as they are', async () => {
  const text = kubeconfig(
    { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
    { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'inside' },
  );
  const { tls } = await kubeconfigConnection({ text, clock });
  expect(Object.entries(tls).map(([name, value]) => [name, String(value)])).toEqual([
    ['ca', 'CA'],
    ['cert', 'CERT'],
    ['key', 'KEY'],
    ['servername', 'inside'],
  ]);
});

test('a program that hands out tokens is run', async () => {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'made' },
  };
  const exec = {
    apiVersion: credential.apiVersion,
    command: process.execPath,
    args: ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`],
  };
  const { credentials } = await kubeconfigConnection({ text: kubeconfig({ exec }), clock });
  expect(await credentials.headers()).toEqual({ authorization: 'Bearer made' });
});

test('another context, without TLS as kubectl proxy, and a file', async () => {
  await using folder = await createTempDir();
  const path = await folder.write('config', kubeconfig({}));
  const connection = await kubeconfigConnection({ path, context: 'proxy', clock });
  expect(connection).toMatchObject({ server: 'http://127.0.0.1:8001', namespace: 'default' });
});

test.each([
  ['a context that is not there', { text: kubeconfig({}), context: 'none' }, 'context "none"'],
  ['a cluster that is not there', { text: kubeconfig({}), context: 'broken' }, 'context "broken"'],
  ['a file that is not there', { path: '/nowhere/config' }, '/nowhere/config'],
  ['text that is no kubeconfig', { text: '][' }, 'cannot be read'],
  ['a proxy', { text: kubeconfig({}, { 'proxy-url': 'http://p' }) }, 'proxy-url'],
  [
    'a program that fails',
    {
      text: kubeconfig({
        exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'false' },
      }),
    },
    'the kubeconfig',
  ],
])('%s is an error that names it', async (_, options, words) => {
  await expect(kubeconfigConnection({ ...options, clock })).rejects.toMatchObject({
    code: 'KUBE_CONFIG',
    message: expect.stringContaining(words) as string,
  });
});
