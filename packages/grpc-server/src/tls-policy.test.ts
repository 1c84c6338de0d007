import { once } from 'node:events';
import { connect, type ConnectionOptions } from 'node:tls';
import { expect, test } from 'vitest';
import { certificate } from './conformance.testing.ts';
import { createGrpcJsServer } from './grpc-js.ts';
import { createGrpcServer, type TlsPolicy } from './index.ts';

/** What a client with these options gets from a server with this policy, before and after a new certificate. */
async function agreed(
  tlsPolicy: TlsPolicy,
  client: ConnectionOptions,
): Promise<readonly (string | undefined)[]> {
  const server = createGrpcServer();
  const tls = certificate('first');
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls, tlsPolicy });
  const shake = async (): Promise<string | undefined> => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...client });
    const failed = once(socket, 'error').then(() => undefined);
    const agreement = once(socket, 'secureConnect').then(
      () => `${String(socket.getProtocol())} ${socket.getCipher().name}`,
    );
    agreement.catch(() => undefined);
    const outcome = await Promise.race([agreement, failed]);
    socket.destroy();
    return outcome;
  };
  const first = await shake();
  server.setCertificate(certificate('second'));
  const second = await shake();
  await server.close();
  return [first, second];
}

const only12: ConnectionOptions = { maxVersion: 'TLSv1.2' };

test('a client below the lowest version is refused, also after a change of certificate', async () => {
  expect(await agreed({ minVersion: 'TLSv1.3' }, only12)).toEqual([undefined, undefined]);
  expect(await agreed({}, only12)).toEqual([
    expect.stringContaining('TLSv1.2'),
    expect.stringContaining('TLSv1.2'),
  ]);
});

test('only the given ciphers are spoken', async () => {
  const ciphers = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'].join(':');
  for (const outcome of await agreed({ ciphers }, only12)) expect(outcome).toMatch(/AES256-GCM/);
});

test('grpc-js refuses a policy that it would not keep', async () => {
  const server = createGrpcJsServer();
  const listening = server.listen({
    host: '127.0.0.1',
    port: 0,
    tls: certificate('first'),
    tlsPolicy: { minVersion: 'TLSv1.3' },
  });
  await expect(listening).rejects.toThrow('TLS');
  await server.close();
});
