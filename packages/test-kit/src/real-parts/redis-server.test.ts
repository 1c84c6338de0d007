import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { isSkipped, pathOf, titleWith } from './real-part.ts';
import { findRedisServer, startRedisServer } from './redis-server.ts';

const redis = await findRedisServer();

function ask(port: number, ...lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', reject).on('close', () => {
      resolve(text);
    });
    socket.write(`${[...lines, 'QUIT'].join('\r\n')}\r\n`);
  });
}

describe.skipIf(isSkipped(redis))(titleWith('a real Redis', redis), { timeout: 60_000 }, () => {
  test('starts again with what it saved, or empty', async () => {
    await using running = await startRedisServer({ path: pathOf(redis) });
    await ask(running.port, 'SET kept 1', 'SAVE', 'SET lost 1');
    await running.start('saved');
    expect(await ask(running.port, 'EXISTS kept', 'EXISTS lost')).toBe(':1\r\n:0\r\n+OK\r\n');
    await running.start('empty');
    expect(await ask(running.port, 'EXISTS kept')).toBe(':0\r\n+OK\r\n');
    await running.stop();
    await expect(ask(running.port, 'PING')).rejects.toThrow('ECONNREFUSED');
  });

  test('as a cluster it refuses what crosses slots', async () => {
    await using running = await startRedisServer({ path: pathOf(redis), cluster: true });
    expect(await ask(running.port, 'MSET {a}1 x {a}2 y')).toContain('+OK');
    expect(await ask(running.port, 'MSET a x b y')).toContain('-CROSSSLOT');
  });

  test('with a password it asks for it', async () => {
    await using running = await startRedisServer({ path: pathOf(redis), password: 'secret' });
    expect(await ask(running.port, 'PING')).toContain('-NOAUTH');
    expect(running.url).toContain(':secret@');
  });

  test('settings that it refuses are shown with its reason', async () => {
    const bad = { path: pathOf(redis), settings: { 'maxmemory-policy': 'nonsense' } };
    await expect(startRedisServer(bad)).rejects.toThrow(/did not come up[^]*maxmemory-policy/);
  });
});
