import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, describe, test } from 'vitest';
import { findNatsServer, startNatsServer, type NatsServer } from './nats-server.ts';
import { isSkipped, pathOf, titleWith } from './real-part.ts';

const part = await findNatsServer();

/** Says something in the protocol of NATS and returns what comes back until `until` is in it. */
async function ask({ port }: NatsServer, text: string, until: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  await once(socket, 'connect');
  let said = '';
  const heard = new Promise<string>((resolve) => {
    socket.on('data', (chunk: string) => {
      said += chunk;
      if (said.includes(until)) resolve(said);
    });
  });
  socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${text}`);
  try {
    return await heard;
  } finally {
    socket.destroy();
  }
}

/** A call of JetStream's API, and its answer. */
const call = (server: NatsServer, subject: string, body: object = {}) => {
  const json = JSON.stringify(body);
  const request = `SUB in 1\r\nPUB $JS.API.${subject} in ${json.length}\r\n${json}\r\n`;
  return ask(server, request, '"type":"io.nats.jetstream');
};

describe.skipIf(isSkipped(part))(titleWith('a real NATS server', part), { timeout: 60_000 }, () => {
  test('keeps what it stored and its port when it is started again, also after a sudden end', async () => {
    await using server = await startNatsServer({ path: pathOf(part) });
    await call(server, 'STREAM.CREATE.S', { name: 'S', subjects: ['s'], storage: 'file' });
    await ask(server, 'SUB in 1\r\nPUB s in 2\r\nhi\r\n', '"seq":1');
    await server.stop();
    await expect(ask(server, '', 'INFO')).rejects.toThrow('ECONNREFUSED');
    await server.start();
    expect(await call(server, 'STREAM.INFO.S')).toContain('"messages":1');
    await server.stop('SIGKILL');
    await server.start();
    expect(await call(server, 'STREAM.INFO.S')).toContain('"messages":1');
  });

  test('is silent while it is paused', async () => {
    await using server = await startNatsServer({ path: pathOf(part) });
    await server.pause();
    const answer = ask(server, 'PING\r\n', 'PONG');
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200))]);
    expect(first).toBeUndefined();
    await server.resume();
    expect(await answer).toContain('PONG');
  });

  test('settings that it refuses are shown with its reason', async () => {
    const bad = { path: pathOf(part), settings: { authorization: { users: 7 } } };
    await expect(startNatsServer(bad)).rejects.toThrow(/did not come up[^]*authorization|users/);
  });
});
