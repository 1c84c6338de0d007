// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { join } from 'node:path';
import { createTempDir } from '../temp-dir.ts';
import { freePorts } from './envoy.ts';
import { type GuardedProcess, startGuarded } from './kubernetes/guarded-process.ts';

/** KV cache events, as in vLLM's `--kv-events-config`. */
export interface VllmKvEvents {
  /** Where they are published, such as `tcp://*:5557`. */
  readonly endpoint: string;
  /** Where those that are past are asked for. Default nowhere. */
  readonly replayEndpoint?: string;
  /** Default `kv@127.0.0.1:<port>@tiny`. */
  readonly topic?: string;
  /** Hashes as bytes, whole, or as integers of 64 bits. Default integers, vLLM's own default. */
  readonly hashes?: 'integers' | 'bytes';
}

export interface VllmOptions {
  /** What `findVllm` has found. */
  readonly path: string;
  /** Default any that is free. */
  readonly port?: number;
  /** Default none. */
  readonly kvEvents?: VllmKvEvents;
  /** Blocks of its KV cache. Default 128. */
  readonly cacheBlocks?: number;
  /** Further flags. */
  readonly args?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it writes what it says. Default a file that goes away with it. */
  readonly logFile?: string;
  /** Default 600,000: most of the start is Python reading files. */
  readonly readyTimeoutMs?: number;
}

/**
 * A vLLM on loopback that serves the tiny model and its adapter, with administration for development. It computes on one
 * thread and needs 0.9 GB. Disposing of it kills it and all that it has started.
 */
export interface RunningVllm extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Names under which the model and its adapter are asked for. */
  readonly model: 'tiny';
  readonly adapter: 'tiny-adapter';
  readonly blockSizeTokens: number;
  /** Folder with the model's tokenizer and chat template. */
  readonly modelDirectory: string;
  /** Kills it. It may be started again. */
  stop(): Promise<void>;
  /** Starts it again at the same ports, with nothing in its caches. */
  start(): Promise<void>;
  /** The end of what it has said since it was started last. */
  log(): Promise<string>;
}

/** The least that vLLM 0.32 takes on CPUs. */
const BLOCK_SIZE_TOKENS = 32;
const MODEL = 'tiny';
const ADAPTER = 'tiny-adapter';

const environment = {
  HF_HUB_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
  NO_COLOR: '1',
  // Routes such as /reset_prefix_cache.
  VLLM_SERVER_DEV_MODE: '1',
  VLLM_CPU_KVCACHE_SPACE: '1',
  VLLM_CPU_OMP_THREADS_BIND: 'nobind',
  OMP_NUM_THREADS: '1',
};

/** Starts a vLLM and resolves when it answers. Rejects with the end of its log when it does not; nothing is left then. */
export async function startVllm(options: VllmOptions): Promise<RunningVllm> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const [free = 0] = await freePorts(1);
  const port = options.port ?? free;
  const logFile = options.logFile ?? join(folder.path, 'vllm.log');
  const state: { process: GuardedProcess | undefined } = { process: undefined };
  const stop = async (): Promise<void> => {
    await state.process?.[Symbol.asyncDispose]();
    state.process = undefined;
  };
  started.defer(stop);
  const start = async (): Promise<void> => {
    await stop();
    // `env` becomes the program.
    const running = startGuarded('env', commandLine(options, port), { logFile, wholeGroup: true });
    state.process = running;
    await becomeReady(running, port, options.readyTimeoutMs ?? 600_000);
  };
  await start();
  const all = started.move();
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    model: MODEL,
    adapter: ADAPTER,
    blockSizeTokens: BLOCK_SIZE_TOKENS,
    modelDirectory: join(options.path, 'model'),
    stop,
    start,
    log: async () => (await state.process?.log()) ?? '',
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function commandLine(options: VllmOptions, port: number): string[] {
  const { path, kvEvents, cacheBlocks = 128, args = [], env } = options;
  const hashes = { VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES: kvEvents?.hashes === 'bytes' ? '0' : '1' };
  const settings = Object.entries({ ...environment, ...hashes, ...env });
  return [
    ...settings.map(([name, value]) => `${name}=${value}`),
    // The scripts beside it have the path of the folder where they were made.
    ...[join(path, 'venv', 'bin', 'python'), '-m', 'vllm.entrypoints.cli.main'],
    ...['serve', join(path, 'model'), '--served-model-name', MODEL],
    ...['--host', '127.0.0.1', '--port', String(port)],
    // With bfloat16 the kernels for AMX have ended the process with SIGILL.
    ...['--dtype', 'float32', '--seed', '0', '--enforce-eager'],
    ...['--distributed-executor-backend', 'uni', '--max-model-len', '1024'],
    ...['--max-num-seqs', '8', '--max-num-batched-tokens', '512'],
    ...[
      '--block-size',
      String(BLOCK_SIZE_TOKENS),
      '--num-gpu-blocks-override',
      String(cacheBlocks),
    ],
    ...['--enable-prefix-caching', '--enable-prompt-tokens-details'],
    // Without it the render endpoints are refused.
    '--enable-scale-out',
    ...['--enable-lora', '--max-lora-rank', '8', '--max-loras', '1'],
    ...['--lora-modules', `${ADAPTER}=${join(path, 'adapter')}`],
    ...(kvEvents === undefined ? [] : ['--kv-events-config', kvEventsConfig(kvEvents, port)]),
    ...args,
  ];
}

const kvEventsConfig = ({ endpoint, replayEndpoint, topic }: VllmKvEvents, port: number): string =>
  JSON.stringify({
    enable_kv_cache_events: true,
    publisher: 'zmq',
    endpoint,
    ...(replayEndpoint !== undefined && { replay_endpoint: replayEndpoint }),
    topic: topic ?? `kv@127.0.0.1:${port}@${MODEL}`,
  });

async function becomeReady(
  running: GuardedProcess,
  port: number,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = systemClock.nowMs() + timeoutMs;
  while (!(await isReady(port))) {
    if (running.ended || systemClock.nowMs() > deadlineMs) {
      throw new Error(`vLLM did not come up:\n${await running.log()}`);
    }
    await new Promise<void>((resolve) => systemClock.schedule(200, resolve));
  }
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}
