import { systemClock } from '@llm-d/determinism';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { configMaps } from '../built-in-types.ts';
import type { Credentials } from '../connection/connection.ts';
import { noCredentials } from '../connection/connection.ts';
import { createFakeApiServer } from '../testing.ts';
import { configMap } from '../virtual-cluster.testing.ts';
import { createKubeClient } from './client.ts';
import { createHttpTransport } from './http-transport.ts';

const to = (server: string, credentials: Credentials = noCredentials) =>
  createHttpTransport({ server, namespace: 'default', tls: {}, credentials });

/** A server that takes the token `new` only, and remembers what it got. */
async function tokenServer() {
  const requests: IncomingMessage[] = [];
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => {
    requests.push(request);
    sockets.add(request.socket);
    response.statusCode = request.headers.authorization === 'Bearer new' ? 200 : 401;
    response.end('{"kind":"Status","reason":"Unauthorized"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    sockets,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('connections are kept for the next requests', async () => {
  await using server = await tokenServer();
  await using transport = to(server.url, {
    headers: () => Promise.resolve({ authorization: 'Bearer new' }),
    renew: () => Promise.resolve(false),
  });
  const client = createKubeClient({ transport, clock: systemClock });
  for (let i = 0; i < 20; i++) await client.get(configMaps, { name: 'a', namespace: 'b' });
  expect(server.requests).toHaveLength(20);
  // The pool may open a second one before it notices that the first is free.
  expect(server.sockets.size).toBeLessThanOrEqual(2);
  expect(server.requests[0]?.headers).toMatchObject({
    accept: 'application/json',
    'user-agent': 'llm-d',
  });
});

test.each([
  ['when it has changed', true, 200, 2],
  ['never, when it is still the same', false, 401, 1],
])('a refused token is tried again %s', async (_, changes, status, count) => {
  await using server = await tokenServer();
  let token = 'old';
  await using transport = to(server.url, {
    headers: () => Promise.resolve({ authorization: `Bearer ${token}` }),
    renew: () => {
      if (changes) token = 'new';
      return Promise.resolve(changes);
    },
  });
  const signal = new AbortController().signal;
  const response = await transport.send({ method: 'GET', path: '/x', signal });
  expect([response.status, server.requests.length]).toEqual([status, count]);
});

test('a watch over HTTP is over for the server when it is left, and breaks when the server breaks it', async () => {
  await using server = createFakeApiServer({ types: [configMaps] });
  await using listener = await server.listen();
  await using transport = to(listener.url);
  const client = createKubeClient({ transport, clock: systemClock });
  server.put(configMaps, configMap('a'));
  for await (const event of client.watch(configMaps)) {
    expect(event).toMatchObject({ type: 'ADDED' });
    break;
  }
  await expect.poll(() => server.watches.length).toBe(0);
  const watching = (async () => {
    for await (const event of client.watch(configMaps)) {
      if (event.type === 'ADDED') server.watches[0]?.break(new Error('reset'));
    }
  })();
  await expect(watching).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE' });
});

test('where nobody listens there is no answer', async () => {
  await using transport = to('http://127.0.0.1:1');
  const client = createKubeClient({ transport, clock: systemClock });
  await expect(client.list(configMaps)).rejects.toMatchObject({ code: 'KUBE_UNREACHABLE' });
});
