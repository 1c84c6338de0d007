import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { certificate } from './conformance.testing.ts';
import { createGrpcServer } from './index.ts';

test('a new certificate is shown to connections that come after it', async () => {
  const server = createGrpcServer();
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls: certificate('first') });
  const shown = async (): Promise<string | string[] | undefined> => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('h2');
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return name;
  };
  expect(await shown()).toBe('first');
  server.setCertificate(certificate('second'));
  expect(await shown()).toBe('second');
  const { cert } = certificate('first');
  expect(() => {
    server.setCertificate({ cert, key: certificate('second').key });
  }).toThrow();
  expect(await shown()).toBe('second');
  await server.close();
});

test('a server without TLS has no certificate to change', async () => {
  const server = createGrpcServer();
  await server.listen({ host: '127.0.0.1', port: 0 });
  expect(() => {
    server.setCertificate(certificate('first'));
  }).toThrow('TLS');
  await server.close();
});
