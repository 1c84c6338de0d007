// SPDX-License-Identifier: Apache-2.0
import { freePorts, startProgram, startVllm, type RunningProgram } from '@llm-d/test-kit';

/** How engines write hashes into their events. */
export type HashForm = 'integers' | 'bytes';

/** An engine that publishes KV events and keeps its ports when it is started again. */
export interface PrefixEngine extends AsyncDisposable {
  /** What gateways call it. */
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly eventsPort: number;
  readonly replayPort: number;
  readonly model: string;
  readonly adapter: string;
  readonly blockSizeTokens: number;
  /** Kills it. */
  stop(): Promise<void>;
  /** Starts it again, with nothing in its cache. */
  start(): Promise<void>;
}

/** Starts an engine called `name`. */
export type StartPrefixEngine = (name: string, hashes: HashForm) => Promise<PrefixEngine>;

/** Blocks of an engine's cache: few enough that some dozens of prompts do not all have room. */
const CACHE_BLOCKS = 128;

/** Starts a real vLLM, that of `path`. */
export const vllmEngine =
  (path: string): StartPrefixEngine =>
  async (name, hashes) => {
    const [port = 0, eventsPort = 0, replayPort = 0] = await freePorts(3);
    const endpoint = `tcp://*:${eventsPort}`;
    const vllm = await startVllm({
      ...{ path, port, cacheBlocks: CACHE_BLOCKS },
      kvEvents: { endpoint, replayEndpoint: `tcp://*:${replayPort}`, hashes },
    });
    return Object.assign(vllm, { name, eventsPort, replayPort });
  };

const MODEL = 'sim-model';
const ADAPTER = 'sim-adapter';
const BLOCK_SIZE_TOKENS = 32;

/** Starts a simulated engine with a cache as small as the real one's. */
export const simulatedEngine: StartPrefixEngine = async (name, hashes) => {
  const [port = 0, eventsPort = 0, replayPort = 0] = await freePorts(3);
  let running: RunningProgram | undefined;
  const stop = async (): Promise<void> => running?.kill();
  const start = async (): Promise<void> => {
    running = await startProgram({
      app: 'inference-sim',
      env: { VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES: hashes === 'bytes' ? '0' : '1' },
      args: [
        ...['--port', String(port), '--model', MODEL, '--time-scale', '50', '--server-dev-mode'],
        ...['--lora-modules', `${ADAPTER}=/adapter`, '--max-model-len', '1024'],
        ...['--block-size', String(BLOCK_SIZE_TOKENS), '--kv-cache-size', String(CACHE_BLOCKS)],
        '--kv-events-config',
        JSON.stringify({
          enable_kv_cache_events: true,
          endpoint: `tcp://*:${eventsPort}`,
          replay_endpoint: `tcp://*:${replayPort}`,
          topic: `kv@127.0.0.1:${port}@${MODEL}`,
        }),
      ],
    });
  };
  await start();
  return {
    ...{ name, port, eventsPort, replayPort, model: MODEL, adapter: ADAPTER },
    url: `http://127.0.0.1:${port}`,
    blockSizeTokens: BLOCK_SIZE_TOKENS,
    ...{ stop, start, [Symbol.asyncDispose]: stop },
  };
};
