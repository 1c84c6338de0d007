import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@llm-d/determinism';
import { parseBenchmarkReport } from '@llm-d/workload';
import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { registerBenchCommand, type BenchDeps } from './bench-command.ts';
import type { RunningArm } from './run-arms.ts';

const piece = 'data: {"choices":[{"delta":{"content":"x"}}]}\n\n';
const end =
  'data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":25}}}\n\ndata: [DONE]\n\n';
const answerWell = (response: ServerResponse) =>
  response.writeHead(200, { 'x-inference-pod': 'pod-1' }).end(piece + end);

interface TestServer extends RunningArm, AsyncDisposable {
  readonly models: readonly unknown[];
}

/** A server that lists one model and answers every prompt alike; `models` are those it was asked for. */
async function serve(
  answer: (response: ServerResponse) => unknown = answerWell,
): Promise<TestServer> {
  const models: unknown[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.end('{"object":"list","data":[{"id":"listed-model"}]}');
      return;
    }
    if (request.method === 'GET') {
      response.writeHead(404).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as { model: unknown };
      models.push(body.model);
      answer(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, models, stop, [Symbol.asyncDispose]: stop };
}

/** An engine that holds five blocks of 16 tokens of every prompt. */
async function serveEngine() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('{"block_size":16,"cached_blocks":5}'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** Runs `bench` with these arguments; nothing is written anywhere but into what it returns. */
async function bench(args: readonly string[], deps: Partial<BenchDeps> = {}) {
  const files = new Map<string, string>();
  let printed = '';
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerBenchCommand(program, {
    clock: systemClock,
    color: false,
    output: { write: (text) => (printed += text) },
    readFile: (path) => Promise.reject(new Error(`${path} is not there`)),
    writeFile: (path, text) => {
      files.set(path, text);
      return Promise.resolve();
    },
    traceFile: (workload) => `traces/${workload}`,
    ...deps,
  });
  await program.parseAsync(['bench', ...args], { from: 'user' });
  return { files, printed };
}

const short = ['--workload', 'random', '--rate', '100', '--duration', '150ms'];
const tiny = ['--param', 'input-tokens=10', '--param', 'output-tokens=1'];

describe('bench on one server', () => {
  test('asks the listed model, prints a table and writes both reports', async () => {
    await using server = await serve();
    const args = ['--url', server.url, ...short, ...tiny, '--slo', 'ttft=10s'];
    const { files, printed } = await bench([...args, '--report', 'r.json', '--html', 'r.html']);
    const report = parseBenchmarkReport(files.get('r.json') ?? '');
    const [arm] = report.arms;
    expect(arm?.name).toBe(server.url);
    expect(arm?.results.request_performance.aggregate.requests).toMatchObject({
      total: server.models.length,
      failures: 0,
    });
    expect(new Set(server.models)).toEqual(new Set(['listed-model']));
    expect(arm?.prefix_cache?.hit_rate).toBe(0.25);
    expect(arm?.goodput?.share).toBe(1);
    expect(printed).toContain('TTFT mean');
    expect(printed).toContain('25.0 %');
    expect(printed).toMatch(/sent \d+ {2}ok \d+ {2}failed 0 {2}in flight 0/);
    expect(files.get('r.html')).toContain('<svg');
  });

  test('replays the trace it is told, else the one that comes along', async () => {
    await using server = await serve();
    const text = '{"timestamp": 0, "input_length": 9, "output_length": 1, "hash_ids": [0]}';
    const read: string[] = [];
    const readFile = (path: string) => {
      read.push(path);
      return Promise.resolve(text);
    };
    const args = ['--url', server.url, '--model', 'mine'];
    await bench(args, { readFile });
    await bench([...args, '--trace', 'other.jsonl'], { readFile });
    expect(read).toEqual(['traces/mooncake', 'other.jsonl']);
    expect(server.models).toEqual(['mine', 'mine']);
  });

  test('says why nothing was answered', async () => {
    await using server = await serve((response) => response.writeHead(503).end('busy'));
    const printed: string[] = [];
    const output = { write: (text: string) => printed.push(text) };
    const run = bench(['--url', server.url, ...short, ...tiny], { output });
    await expect(run).rejects.toMatchObject({ code: 'NOTHING_ANSWERED' });
    expect(printed.join('')).toContain(' × http: status 503: busy');
  });

  test('says when the server does not tell its model', async () => {
    await using server = await serve();
    await server.stop();
    await expect(bench(['--url', server.url, ...short])).rejects.toMatchObject({
      code: 'NO_MODEL',
    });
  });

  test('stops when it is aborted', async () => {
    const controller = new AbortController();
    await using server = await serve(() => {
      controller.abort();
    });
    const run = bench(['--url', server.url, ...short, ...tiny, '--model', 'm'], {
      signal: controller.signal,
    });
    await expect(run).rejects.toMatchObject({ code: 'NOTHING_ANSWERED' });
  });

  test.each([
    [['--duration', 'soon'], '"soon" is not a duration'],
    [['--slo', 'fast'], '"fast" is not'],
    [['--workload', 'nothing'], 'Allowed choices are'],
    [['--compare', 'a,b'], "unknown option '--compare'"],
  ])('blames a wrong option: %j', async (args, message) => {
    const run = bench(args);
    await expect(run).rejects.toThrow(CommanderError);
    await expect(run).rejects.toThrow(message);
  });
});

describe('bench --compare', () => {
  test('runs every policy on a fresh system with the same input and compares them', async () => {
    const log: string[] = [];
    const startArm = async (policy: string): Promise<RunningArm> => {
      log.push(`start ${policy}`);
      const server = await serve();
      return {
        url: server.url,
        endpoints: ['pod-1', 'pod-2'],
        stop: async () => {
          log.push(`stop ${policy} after ${server.models.length}`);
          await server.stop();
        },
      };
    };
    const args = ['--compare', 'random,default', ...short, ...tiny, '--report', 'r.json'];
    const { files, printed } = await bench(args, { startArm });
    const report = parseBenchmarkReport(files.get('r.json') ?? '');
    const totals = report.arms.map(
      (arm) => arm.results.request_performance.aggregate.requests.total,
    );
    expect(report.arms.map(({ name }) => name)).toEqual(['random', 'default']);
    expect(totals[0]).toBeGreaterThan(0);
    expect(totals[1]).toBe(totals[0]);
    expect(log).toEqual([
      'start random',
      `stop random after ${totals[0] ?? 0}`,
      'start default',
      `stop default after ${totals[0] ?? 0}`,
    ]);
    expect(report.arms[0]?.endpoints?.request_imbalance).toBe(2);
    expect(printed).toContain('Mean TTFT: default');
  });

  test('shows what was cached where, by one of so many requests', async () => {
    const { port, close } = await serveEngine();
    const startArm = async (): Promise<RunningArm> => {
      const server = await serve();
      return {
        url: server.url,
        engineUrls: [`http://127.0.0.1:${port}`],
        stop: () => server.stop(),
      };
    };
    const args = ['--compare', 'a,b', ...short, ...tiny, '--report', 'r.json'];
    const { files, printed } = await bench([...args, '--sample-every', '4'], { startArm });
    const { arms, method } = parseBenchmarkReport(files.get('r.json') ?? '');
    for (const { prefix_cache_sample: sample, results } of arms) {
      const { total } = results.request_performance.aggregate.requests;
      const requests = Math.ceil(total / 4);
      expect(sample).toMatchObject({
        requests,
        opportunity: { requests, prompt_tokens: 100 * requests, best_tokens: 80 * requests },
      });
    }
    expect(printed).toMatch(/│ b +│ +25\.0 % │ +\d+ │ +25\.0 % │ +80\.0 % │ +55\.0 % │/);
    expect(method.notes.join(' ')).toContain('Of every 4 requests one was followed');
    const { files: without } = await bench([...args, '--sample-every', '0'], { startArm });
    expect(without.get('r.json')).not.toContain('prefix_cache_sample');
    await close();
  });

  test('reports an arm that fails beside one that does not, and takes both down', async () => {
    let running = 0;
    const startArm = async (policy: string): Promise<RunningArm> => {
      const server = await serve(
        policy === 'bad' ? (response) => response.writeHead(500).end() : answerWell,
      );
      running++;
      return {
        url: server.url,
        stop: async () => {
          running--;
          await server.stop();
        },
      };
    };
    const args = ['--compare', 'bad,good', ...short, ...tiny, '--report', 'r.json'];
    const { files } = await bench(args, { startArm });
    const { arms } = parseBenchmarkReport(files.get('r.json') ?? '');
    const [bad, good] = arms.map((arm) => arm.results.request_performance.aggregate.requests);
    expect(bad?.failures).toBe(bad?.total);
    expect(good?.failures).toBe(0);
    expect(running).toBe(0);
  });

  test('takes a system down that does not tell its model', async () => {
    let running = 0;
    const startArm = (): Promise<RunningArm> => {
      running++;
      return Promise.resolve({
        url: 'http://127.0.0.1:1',
        stop: () => {
          running--;
          return Promise.resolve();
        },
      });
    };
    const run = bench(['--compare', 'a', ...short], { startArm });
    await expect(run).rejects.toMatchObject({ code: 'NO_MODEL' });
    expect(running).toBe(0);
  });
});
