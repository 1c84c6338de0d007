import { systemClock } from '@llm-d/determinism';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ChildStartError, startChild, type ChildOptions, type ChildState } from './child.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'child-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const launch = async (name: string, code: string, more: Partial<ChildOptions> = {}) => {
  const script = join(folder, `${name}.mjs`);
  await writeFile(script, code);
  const states: ChildState[] = [];
  const lines: string[] = [];
  const child = startChild({
    name,
    script,
    args: ['http://127.0.0.1:1'],
    clock: systemClock,
    onState: (state) => states.push(state),
    onLine: (line) => lines.push(line),
    ...more,
  });
  return { child, states, lines };
};
const serve = `
console.log('hello');
console.log(JSON.stringify({ msg: 'ready', url: process.argv[2] }));
setInterval(() => undefined, 1000);
`;

describe('a supervised program', () => {
  test('is ready when it says so, and gone after it was stopped', async () => {
    const { child, states, lines } = await launch('serve', serve);
    expect(await child.ready).toEqual({ urls: ['http://127.0.0.1:1'] });
    expect(lines).toEqual(['hello']);
    await child.stop();
    await child.stop();
    expect(states.map(({ kind }) => kind)).toEqual(['starting', 'ready', 'stopped', 'stopped']);
    expect(child.pid).toBeUndefined();
  });

  test('says where it publishes KV events, if it does', async () => {
    const at = (port: number) => `tcp://[::ffff:127.0.0.1]:${port}`;
    const ready = { msg: 'ready', urls: ['http://127.0.0.1:1'] };
    const kvEvents = [{ endpoint: at(7001), replayEndpoint: at(7002) }];
    const { child } = await launch(
      'publish',
      `console.log(${JSON.stringify(JSON.stringify({ ...ready, kvEvents }))});
       setInterval(() => undefined, 1000);`,
    );
    expect(await child.ready).toEqual({
      urls: ['http://127.0.0.1:1'],
      kvPorts: { events: 7001, replays: 7002 },
    });
    await child.stop();
  });

  test('comes back when it dies', async () => {
    const { child, states } = await launch('mortal', serve);
    await child.ready;
    process.kill(child.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(states.filter(({ kind }) => kind === 'ready')).toHaveLength(2);
    }, 20_000);
    expect(states).toContainEqual({ kind: 'died', reason: 'signal SIGKILL', restarts: 0 });
    await child.stop();
  });

  test('comes back with other arguments where the first start settled something', async () => {
    const { child, states } = await launch('settled', serve, {
      restartArgs: ({ urls }) => [`${urls[0] ?? ''}/again`],
    });
    await child.ready;
    process.kill(child.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(states).toContainEqual({ kind: 'ready', urls: ['http://127.0.0.1:1/again'] });
    }, 20_000);
    await child.stop();
  });

  test('that ends before it serves is not started again, and its last words say why', async () => {
    const { child, states } = await launch(
      'stillborn',
      "console.error('no such file'); process.exit(3);",
    );
    await expect(child.ready).rejects.toThrow(ChildStartError);
    await expect(child.ready).rejects.toThrow('stillborn did not start: no such file');
    expect(states.map(({ kind }) => kind)).toEqual(['starting', 'died']);
    await child.stop();
  });
});
