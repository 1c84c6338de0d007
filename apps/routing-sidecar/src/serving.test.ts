import { createTempDir, runProgram, startModelServer, startProgram } from '@llm-d/test-kit';
import { selfSignedCertificate } from '@llm-d/app-process/tls';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { expect, test, vi } from 'vitest';
import { ask, prefillAnswer, startTestSidecar } from './sidecar.testing.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });

/** GETs over TLS from whoever it is; the status and the certificate's subject. */
async function getOverTls(
  port: number,
): Promise<readonly [number | undefined, string | undefined]> {
  const asked = request({ host: '127.0.0.1', port, path: '/health', rejectUnauthorized: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  if (!(response.socket instanceof TLSSocket)) throw new Error('no TLS');
  const { O: organization } = response.socket.getPeerCertificate().subject;
  response.resume();
  await once(response, 'end');
  return [response.statusCode, String(organization)];
}

test('TLS is served with a certificate made for the occasion', async () => {
  await using decode = await startModelServer();
  await using sidecar = await startTestSidecar(decode, ['--secure-serving']);
  expect(await getOverTls(sidecar.ports[0] ?? 0)).toEqual([200, 'Inference Ext']);
});

test('TLS is served with the certificate of a folder', async () => {
  await using folder = await createTempDir();
  const { cert, key } = await selfSignedCertificate(Date.now());
  await folder.write('tls.crt', cert);
  await folder.write('tls.key', key);
  await using decode = await startModelServer();
  await using sidecar = await startTestSidecar(decode, [
    '--secure-proxy',
    `--cert-path=${folder.path}`,
  ]);
  expect(await getOverTls(sidecar.ports[0] ?? 0)).toEqual([200, 'Inference Ext']);
});

test('prefillers and decode servers may speak TLS, and be believed without proof where that is wanted', async () => {
  const { cert, key } = await selfSignedCertificate(Date.now());
  const server = createServer({ cert, key }, (incoming, response) => {
    incoming.resume();
    response.end(prefillAnswer());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  const stages = ['--enable-tls=prefiller,decoder', '--tls-insecure-skip-verify=prefiller'];
  const headers = { 'x-prefiller-host-port': `127.0.0.1:${port}` };
  try {
    await using doubting = await startTestSidecar({ port }, stages);
    expect((await ask(doubting, { headers })).status).toBe(502);
    expect(await doubting.metric('prefill_attempts_total', { outcome: 'well' })).toBe(1);
    await using believing = await startTestSidecar({ port }, [
      ...stages,
      '--decoder-tls-insecure-skip-verify',
    ]);
    expect((await ask(believing, { headers })).status).toBe(200);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('requests under way when the end is asked for are let finish, and their connections closed', async () => {
  await using decode = await startModelServer({
    script: () => ({ kind: 'wait', ms: 300, then: { kind: 'answer' } }),
  });
  await using sidecar = await startTestSidecar(decode, ['--drain-timeout=1h']);
  const asked = ask(sidecar);
  await vi.waitFor(() => {
    expect(decode.running).toBe(1);
  });
  const closed = sidecar.close();
  expect((await asked).status).toBe(200);
  await closed;
  await expect(ask(sidecar)).rejects.toThrow();
});

test('the ready line says where it serves, and SIGTERM ends it well', async () => {
  await using decode = await startModelServer();
  const args = ['--port=0', `--model-server-port=${decode.port}`, '--secure-serving=false'];
  await using program = await startProgram({ app: 'routing-sidecar', args });
  expect((await ask(program)).status).toBe(200);
  program.signal('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0 });
});

test.each([
  [['--no-such-flag'], 'unknown flag: --no-such-flag'],
  [['--port=0', '--cert-path=/nowhere'], '/nowhere/tls.crt: '],
  [['--configuration-file=/nowhere.yaml'], '/nowhere.yaml'],
  [['--moriio-write-mode'], 'MoRI-IO is not supported'],
])('a start with %j fails with 1 and says why', async (args, message) => {
  const end = await runProgram({ app: 'routing-sidecar', args });
  expect([end.code, end.stderr]).toEqual([1, expect.stringContaining(message)]);
});
