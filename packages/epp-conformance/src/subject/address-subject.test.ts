import { systemClock as clock } from '@llm-d/determinism';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { addressSubject, type RunningDiscovery } from './address-subject.ts';
import { setups, type SetupId } from './setup.ts';

const listener = createServer();
const grpc = { host: '127.0.0.1', port: 0 };
beforeAll(async () => {
  listener.listen(0, grpc.host);
  await once(listener, 'listening');
  grpc.port = (listener.address() as AddressInfo).port;
});
afterAll(() => listener.close());

const given: RunningDiscovery = {
  kind: 'none',
  endpoints: [{ name: 'a', address: '10.0.0.1', port: 80 }],
};

const start = (setup: SetupId, discovery: RunningDiscovery = given) =>
  addressSubject(grpc, { clock, discovery }).start(setups[setup]);

test('endpoints that exist are taken as they are', async () => {
  const subject = await start('default');
  expect(subject).toMatchObject({
    kind: 'running',
    grpc,
    process: undefined,
    fleet: { hostPorts: ['10.0.0.1:80'], engines: undefined, source: undefined },
  });
});

test('engines of the kit’s own are told in the file that the endpoint picker watches', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'endpoints-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.json');
  const subject = await start('one-address', { kind: 'file', path });
  if (subject.kind !== 'running') throw new Error(subject.reason);
  const { endpoints } = JSON.parse(await readFile(path, 'utf8')) as {
    endpoints: { address: string }[];
  };
  expect(endpoints.map(({ address }) => address)).toEqual(['127.0.1.1', '127.0.1.1']);
  await subject[Symbol.asyncDispose]();
});

test.each([
  ['lora', 'a running endpoint picker has the configuration it has'],
  ['empty', 'its endpoints cannot be changed'],
] as const)('the setup %s cannot be had', async (setup, reason) => {
  expect(await start(setup)).toEqual({ kind: 'unavailable', reason });
});

test('nobody at the address is an error', async () => {
  const nobody = addressSubject({ host: '127.0.0.1', port: 1 }, { clock, discovery: given });
  await expect(nobody.start(setups.default)).rejects.toThrow('nobody listens on 127.0.0.1:1');
});
