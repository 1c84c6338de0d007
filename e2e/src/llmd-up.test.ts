import {
  findNatsServer,
  findRedisServer,
  isSkipped,
  pathOf,
  runProgram,
  startModelServer,
  startNatsServer,
  startProgram,
  startRedisServer,
  titleWith,
} from '@llm-d/test-kit';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { endpointsOf } from './debug-views.ts';
import { TEST_TIMEOUT_MS, chat, portOf, post, untilReady } from './stack.ts';

const run = promisify(execFile);

/** Processes that `pid` started, with their command lines. */
async function childrenOf(pid: number): Promise<readonly { pid: number; command: string }[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match?.[2] === String(pid))
    .map((match) => ({ pid: Number(match?.[1]), command: match?.[3] ?? '' }))
    .filter(({ command }) => command.includes('main.ts'));
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const up = (...args: string[]) =>
  startProgram({
    app: 'llmd',
    args: ['up', '--port', '0', ...args],
    env: { NO_COLOR: '1' },
    isReady: (line) => line.startsWith('ready'),
  });
const simulated = () => up('--engines', '2', '--engine-port', '0', '--time-scale', '8');

interface PluginStates {
  readonly plugins: Readonly<
    Record<
      string,
      {
        readonly state?: {
          readonly index: { readonly blocks: number };
          readonly sources: object[];
        };
      }
    >
  >;
}
interface Decisions {
  readonly attempts: readonly {
    readonly decision: { readonly endpoints: readonly string[] };
    readonly prefixes: readonly { readonly basis?: string; readonly totalBlocks?: number }[];
  }[];
}
const json = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

/** How many keys a Redis has. */
async function keysIn(url: string): Promise<number> {
  const socket = connect(portOf(url), '127.0.0.1').setEncoding('utf8');
  socket.write('DBSIZE\r\n');
  const [answer] = (await once(socket, 'data')) as [string];
  socket.destroy();
  return Number(/^:(\d+)/.exec(answer)?.[1]);
}

const nats = await findNatsServer();
const redis = await findRedisServer();
const isSkippedHere = isSkipped(nats) || isSkipped(redis);

describe.skipIf(isSkippedHere)(
  titleWith(titleWith('llmd up with servers', nats), redis),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('brings events over NATS to the gateway and to Redis, and brings kv-relay back', async () => {
      await using bus = await startNatsServer({ path: pathOf(nats) });
      await using store = await startRedisServer({ path: pathOf(redis) });
      const flags = ['--engines', '2', '--engine-port', '0', '--time-scale', '8'];
      await using stack = await up(...flags, '--nats', bus.url, '--redis', store.url);
      await untilReady(stack.url);
      const children = await childrenOf(stack.pid);
      expect(children).toHaveLength(5);
      const isKnown = (blocks: number) =>
        vi.waitFor(async () => {
          const { plugins } = await json<PluginStates>(`${stack.url}/debug/plugins/state`);
          const { state } = plugins['precise-prefix-cache-producer'] ?? {};
          expect(state?.index.blocks).toBeGreaterThanOrEqual(blocks);
        }, 60_000);
      const ask = async (content: string) => {
        const body = { ...chat(3), messages: [{ role: 'user', content }] };
        await (await post(`${stack.url}/v1/chat/completions`, body)).text();
      };
      await ask('word '.repeat(400));
      await isKnown(31);
      await vi.waitFor(async () => {
        expect(await keysIn(store.url)).toBeGreaterThan(0);
      }, 30_000);
      const relay = children.find(({ command }) => command.includes('apps/kv-relay/'));
      process.kill(relay?.pid ?? 0, 'SIGKILL');
      await vi.waitFor(() => {
        expect(stack.stdout).toMatch(/^died {3}kv-relay: signal SIGKILL$/m);
      }, 30_000);
      await ask('other '.repeat(400));
      await isKnown(60);
      stack.signal('SIGINT');
      expect(await stack.ended).toMatchObject({ code: 0, stderr: '' });
      const left = (await childrenOf(stack.pid)).concat(children).filter(({ pid }) => isAlive(pid));
      expect(left).toEqual([]);
    });
  },
);

describe('llmd up', { timeout: TEST_TIMEOUT_MS }, () => {
  test.each([['once'], ['twice']])(
    'serves, and leaves nothing behind on Ctrl-C %s',
    async (times) => {
      await using stack = await simulated();
      expect(stack.stdout).toMatch(/^up {5}engine-1 http:\/\/127\.0\.0\.1:\d+$/m);
      expect(stack.stdout).toMatch(/^up {5}engine-2 http/m);
      expect(stack.stdout).toMatch(/^up {5}gateway http/m);
      expect(stack.stdout).toMatch(/^ready {2}http:.*\/v1 {2}in front of 2 model servers$/m);
      expect((await post(`${stack.url}/v1/chat/completions`, chat(3))).status).toBe(200);
      const children = await childrenOf(stack.pid);
      expect(children).toHaveLength(3);
      stack.signal('SIGINT');
      if (times === 'twice') stack.signal('SIGINT');
      expect(await stack.ended).toMatchObject({ code: 0, stderr: '' });
      expect(children.filter(({ pid }) => isAlive(pid))).toEqual([]);
    },
  );

  test('leaves nothing behind when it is killed itself', async () => {
    await using stack = await simulated();
    const children = await childrenOf(stack.pid);
    expect(children).toHaveLength(3);
    await stack.kill();
    await vi.waitFor(() => {
      expect(children.filter(({ pid }) => isAlive(pid))).toEqual([]);
    }, 30_000);
  });

  test('shows the death of an engine and of the gateway, and brings both back where they were', async () => {
    await using stack = await simulated();
    await untilReady(stack.url);
    const children = await childrenOf(stack.pid);
    for (const program of ['inference-sim', 'gateway']) {
      const child = children.find(({ command }) => command.includes(`apps/${program}/`));
      process.kill(child?.pid ?? 0, 'SIGKILL');
    }
    await vi.waitFor(() => {
      expect(stack.stdout).toMatch(/^died {3}engine-\d: signal SIGKILL$/m);
      expect(stack.stdout).toMatch(/^died {3}gateway: signal SIGKILL$/m);
      expect(stack.stdout.match(/^up {5}/gm)).toHaveLength(5);
    }, 60_000);
    await vi.waitFor(async () => {
      const seen = await endpointsOf(stack.url);
      expect(seen.map(({ ejected }) => ejected)).toEqual([null, null]);
    }, 30_000);
    expect((await post(`${stack.url}/v1/chat/completions`, chat(3))).status).toBe(200);
  });

  test('knows what its engines have cached, and decides by it', async () => {
    await using stack = await simulated();
    await untilReady(stack.url);
    const words = { ...chat(3), messages: [{ role: 'user', content: 'word '.repeat(400) }] };
    const ask = async (id: string) => {
      const headers = { 'x-request-id': id };
      await (await post(`${stack.url}/v1/chat/completions`, words, { headers })).text();
    };
    const isKnown = () =>
      vi.waitFor(async () => {
        const { plugins } = await json<PluginStates>(`${stack.url}/debug/plugins/state`);
        const { state } = plugins['precise-prefix-cache-producer'] ?? {};
        expect(state?.index.blocks).toBeGreaterThanOrEqual(31);
        expect(state?.sources).toContainEqual(
          expect.objectContaining({ state: 'whole', lostBatches: 0 }),
        );
      }, 30_000);
    await ask('first');
    await isKnown();
    const gateway = (await childrenOf(stack.pid)).find(({ command }) =>
      command.includes('apps/gateway/'),
    );
    process.kill(gateway?.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(stack.stdout.match(/^up {5}gateway/gm)).toHaveLength(2);
    }, 30_000);
    // Nobody has asked anything meanwhile: engines are asked for what they published before.
    await isKnown();
    await ask('second');
    await vi.waitFor(async () => {
      const { attempts } = await json<Decisions>(`${stack.url}/debug/decisions/second`);
      const precise = attempts[0]?.prefixes.find(({ basis }) => basis !== undefined);
      expect(precise).toMatchObject({
        producer: 'precise-prefix-cache-producer',
        basis: 'events',
        endpoints: [
          { endpoint: attempts[0]?.decision.endpoints[0], cachedBlocks: precise?.totalBlocks },
        ],
      });
    }, 30_000);
    stack.signal('SIGINT');
    expect(await stack.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('serves servers that run already', async () => {
    await using server = await startModelServer();
    await using stack = await up('--endpoint', server.url);
    const body = { model: 'test-model', messages: [{ role: 'user', content: 'x' }] };
    expect((await post(`${stack.url}/v1/chat/completions`, body)).status).toBe(200);
    expect(server.requests).toHaveLength(1);
    expect(await childrenOf(stack.pid)).toHaveLength(1);
    stack.signal('SIGTERM');
    expect(await stack.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('says which flag to change when a port is in use', async () => {
    await using server = await startModelServer();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = String(address !== null && typeof address === 'object' ? address.port : 0);
    const gateway = ['up', '--port', port, '--endpoint', server.url];
    const engine = ['up', '--port', '0', '--engines', '1', '--engine-port', port];
    const ends = await Promise.all(
      [gateway, engine].map((args) => runProgram({ app: 'llmd', args, env: { NO_COLOR: '1' } })),
    );
    taken.close();
    expect(ends.map(({ code }) => code)).toEqual([1, 1]);
    expect(ends[0]?.stderr).toMatch(
      new RegExp(
        `^llmd: gateway did not start: .*port ${port} .* in use; choose another with --port\\n$`,
      ),
    );
    expect(ends[1]?.stderr).toMatch(
      new RegExp(`^llmd: engine-1 did not start: .*port ${port} .* in use; .*--engine-port`),
    );
    expect(portOf(server.url)).toBeGreaterThan(0);
  });
});
