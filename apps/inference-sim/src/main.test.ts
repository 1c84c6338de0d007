import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { KvEventAddress } from './kv-events/kv-event-publisher.ts';
import { EventListener, askReplay, replayRequest } from './testdata/event-listener.ts';
import { startTestSim } from './testdata/sim-server.ts';

const TIMEOUT_MS = 60_000;

/** The program itself, from source. */
function run(...args: string[]) {
  return runWith({}, ...args);
}

function runWith(env: Record<string, string>, ...args: string[]) {
  const main = new URL('./main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--conditions=@llm-d/source', main, ...args], {
    env: { ...process.env, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exit = once(child, 'exit').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, exit };
}

test(
  'says when it is ready and ends quietly on Ctrl-C, also when that arrives twice',
  async () => {
    const { child, exit } = run('--port', '0', '--replicas', '2', '--time-scale', '4');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const ready = JSON.parse(line.toString()) as { msg: string; urls: string[] };
    expect(ready).toMatchObject({ msg: 'ready', profile: 'llama-3.1-8b-a100', timeScale: 4 });
    expect(ready.urls).toHaveLength(2);
    for (const url of ready.urls) expect((await fetch(`${url}/health`)).status).toBe(200);
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await exit).toMatchObject({ code: 0, err: '' });
  },
  TIMEOUT_MS,
);

test(
  'publishes KV events of the pod that the environment names, and ends quietly with a listener',
  async () => {
    const config = JSON.stringify({
      ...{ enable_kv_cache_events: true, endpoint: 'tcp://*:0', replay_endpoint: 'tcp://*:0' },
    });
    const env = { POD_IP: '10.1.2.3', VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES: '0' };
    const args = ['--port', '0', '--kv-events-config', config, '--time-scale', '100'];
    const { child, exit } = runWith(env, ...args);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const ready = JSON.parse(line.toString()) as {
      readonly urls: readonly [string];
      readonly model: string;
      readonly kvEvents: readonly [KvEventAddress];
    };
    const [url] = ready.urls;
    const [{ topic, endpoint, replayEndpoint = '' }] = ready.kvEvents;
    expect(topic).toBe(`kv@10.1.2.3:${new URL(url).port}@${ready.model}`);
    let asked = 0;
    await using listener = new EventListener([endpoint], topic);
    await listener.warmUp(async () => {
      const prompt = Array.from({ length: 16 }, (_, i) => 16 * ++asked + i);
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt, max_tokens: 1 }),
      });
      await response.text();
    });
    const [first] = await askReplay(replayEndpoint, replayRequest(0));
    // A byte string of 32 bytes, as a hash.
    expect(first?.[3]?.includes(Buffer.of(0xc4, 32))).toBe(true);
    child.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 0, err: '' });
  },
  TIMEOUT_MS,
);

test.each([
  [['--port', 'x'], "error: option '--port <number>' argument 'x' is invalid"],
  [['--profile', 'nothing'], 'inference-sim: --profile nothing is neither'],
])(
  '%j ends with an error',
  async (args, message) => {
    const { exit } = run(...args);
    const { code, err } = await exit;
    expect(code).toBe(1);
    expect(err).toContain(message);
  },
  TIMEOUT_MS,
);

test(
  'a port in use ends it with an error',
  async () => {
    await using server = await startTestSim();
    const port = String(server.ports[0]);
    const { code, err } = await run('--port', port).exit;
    expect(code).toBe(1);
    expect(err).toBe(
      `inference-sim: port ${port} on 127.0.0.1 is already in use; choose another with --port\n`,
    );
  },
  TIMEOUT_MS,
);

test.each([
  ['--help', 'Usage: inference-sim [options]'],
  ['--version', '0.0.0'],
])(
  '%s answers and succeeds',
  async (flag, text) => {
    const { code, out } = await run(flag).exit;
    expect(code).toBe(0);
    expect(out).toContain(text);
  },
  TIMEOUT_MS,
);
