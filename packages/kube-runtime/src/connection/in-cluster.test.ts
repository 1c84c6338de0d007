import { VirtualClock } from '@llm-d/determinism';
import { createTempDir } from '@llm-d/test-kit';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inClusterConnection } from './in-cluster.ts';

async function mounted() {
  const folder = await createTempDir();
  await folder.write('token', 'one\n');
  await folder.write('namespace', 'serving');
  await folder.write('ca.crt', 'PEM');
  return folder;
}

test.each([
  ['10.96.0.1', 'https://10.96.0.1:443'],
  ['fd00::1', 'https://[fd00::1]:443'],
])('the service account of a pod says who we are, and the host %s where', async (host, server) => {
  await using folder = await mounted();
  const clock = new VirtualClock();
  const connection = await inClusterConnection({ host, port: '443', clock, folder: folder.path });
  expect(connection).toMatchObject({ server, namespace: 'serving', tls: { ca: 'PEM' } });
  expect(await connection.credentials.headers()).toEqual({ authorization: 'Bearer one' });
});

test('a token that the kubelet replaces is followed within seconds, and at once when it is refused', async () => {
  await using folder = await mounted();
  const clock = new VirtualClock();
  const options = { host: 'h', port: '443', clock, folder: folder.path };
  const { credentials } = await inClusterConnection(options);
  await folder.write('token', 'two');
  clock.advance(9999);
  expect(await credentials.headers()).toEqual({ authorization: 'Bearer one' });
  clock.advance(1);
  expect(await credentials.headers()).toEqual({ authorization: 'Bearer two' });
  await folder.write('token', 'three');
  expect(await credentials.renew()).toBe(true);
  expect(await credentials.renew()).toBe(false);
  expect(await credentials.headers()).toEqual({ authorization: 'Bearer three' });
});

test.each(['token', 'namespace', 'ca.crt'])('without %s there is no connection', async (name) => {
  await using folder = await mounted();
  await rm(join(folder.path, name));
  const options = { host: 'h', port: '443', clock: new VirtualClock(), folder: folder.path };
  await expect(inClusterConnection(options)).rejects.toMatchObject({
    code: 'KUBE_CONFIG',
    message: expect.stringContaining(name) as string,
  });
});
