// SPDX-License-Identifier: Apache-2.0
import { portOf, post } from '../stack.ts';
import { prepareProgram, type KvProgram } from './kv-program.ts';

/** Tokens in a block, of engines and of the index. */
export const BLOCK_SIZE_TOKENS = 16;

export interface KvEngineOptions {
  /** Name that it is served under. Default `sim-model`. */
  readonly model?: string;
  /** Batches that can be replayed. Default 10,000, vLLM's. */
  readonly bufferSteps?: number;
  /** Address that it publishes to, instead of being listened to. */
  readonly publishesTo?: string;
  /** Further flags. */
  readonly args?: readonly string[];
}

/** A simulated engine that publishes KV events. It keeps its ports when it is started again. */
export interface KvEngine extends KvProgram {
  /** As events name it: its host and port. */
  readonly pod: string;
  readonly model: string;
  /** Of its publisher and of replays; 0 where it has none. */
  readonly eventsPort: number;
  readonly replayPort: number;
  /** Other further flags, from its next start on. */
  setArgs(args: readonly string[]): void;
}

interface ReadyLine {
  readonly kvEvents?: readonly { readonly endpoint: string; readonly replayEndpoint?: string }[];
}

/**
 * Starts an engine whose caches are so small that blocks move to host memory and are dropped while a few dozen prompts
 * are served.
 */
export async function startKvEngine(options: KvEngineOptions = {}): Promise<KvEngine> {
  const { model = 'sim-model', bufferSteps = 10_000, publishesTo } = options;
  const ports = { serving: 0, events: 0, replay: 0 };
  const flags: { args: readonly string[] } = { args: options.args ?? [] };
  const program = prepareProgram(() => ({
    app: 'inference-sim',
    env: { POD_IP: '127.0.0.1' },
    args: [
      // Hashes depend on the model, and not on the name that it is served under.
      ...['--port', String(ports.serving), '--model', 'sim-model', '--served-model-name', model],
      ...['--time-scale', '50'],
      ...['--block-size', String(BLOCK_SIZE_TOKENS), '--max-num-seqs', '4'],
      ...['--kv-cache-size', '64', '--cpu-cache-size', '160', '--server-dev-mode'],
      '--kv-events-config',
      JSON.stringify({
        enable_kv_cache_events: true,
        endpoint: publishesTo ?? `tcp://*:${ports.events}`,
        ...(publishesTo === undefined && { replay_endpoint: `tcp://*:${ports.replay}` }),
        buffer_steps: bufferSteps,
      }),
      ...flags.args,
    ],
  }));
  await program.start();
  const { kvEvents: [sockets] = [] } = readyLine(program.stdout);
  ports.serving = portOf(program.url);
  ports.events = socketPort(sockets?.endpoint);
  ports.replay = socketPort(sockets?.replayEndpoint);
  // By reference: where it serves and what it says change with every start.
  return Object.assign(program, {
    ...{ pod: `127.0.0.1:${ports.serving}`, model },
    ...{ eventsPort: ports.events, replayPort: ports.replay },
    setArgs: (args: readonly string[]) => {
      flags.args = args;
    },
  });
}

/** As if its process had died and come back: nothing is cached, and the next batch is number 0. */
export const beginAnew = ({ url }: KvEngine): Promise<void> =>
  insist(`${url}/debug/kv-events/restart`, ({ lives }) => lives !== undefined);

/** Drops all that is cached. As vLLM's, an engine says so with its next step. */
export const clearCaches = ({ url }: KvEngine): Promise<void> =>
  insist(`${url}/reset_prefix_cache?reset_external=true`, ({ success }) => success === true);

/** Posts until it is done: an engine may be at the end of a request that its client knows to be over. */
async function insist(
  url: string,
  isDone: (answer: { readonly success?: boolean; readonly lives?: number }) => boolean,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await post(url, {});
    if (answer.status === 200 && isDone((await answer.json()) as object)) return;
    if (attempt === 50) throw new Error(`${url} is refused: ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const readyLine = (stdout: string): ReadyLine =>
  JSON.parse(stdout.split('\n').find((line) => line.includes('"ready"')) ?? '{}') as ReadyLine;

const socketPort = (endpoint = ''): number => Number(/:(\d+)$/.exec(endpoint)?.[1] ?? 0);
