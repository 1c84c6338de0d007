// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  builtInProfiles,
  findBuiltInProfile,
  parseProfile,
  type EngineConfig,
  type EngineProfile,
} from '@llm-d/engine-sim';
import { failureTypes, type FailureType } from './failure-injection.ts';
import { addKvFlags, kvOptions, type KvFlags } from './kv-events/kv-flags.ts';
import { FlagError, count, milliseconds, numeric } from './flag-values.ts';
import { statedProfile } from './latency-profile.ts';
import { defaultOptions, type InferenceSimOptions } from './options.ts';
import type { LoraModule } from './served-models.ts';

const DEFAULT_PROFILE = 'llama-3.1-8b-a100';

/** What commander gives, by the flags' names in camel case. */
interface Flags extends KvFlags {
  readonly host: string;
  readonly port: number;
  readonly replicas: number;
  readonly profile?: string;
  readonly timeScale: number;
  readonly model?: string;
  readonly servedModelName?: string[];
  readonly maxNumSeqs?: number;
  readonly maxNumBatchedTokens?: number;
  readonly maxModelLen?: number;
  readonly maxWaitingQueueLength: number;
  readonly blockSize?: number;
  readonly kvCacheSize?: number;
  readonly prefixCaching: boolean;
  readonly mode: 'random' | 'echo';
  readonly echo: boolean;
  readonly meanOutputTokens?: number;
  readonly seed: number;
  readonly loraModules?: LoraModule[];
  readonly maxLoras?: number;
  readonly enableLora: boolean;
  readonly timeToFirstToken?: number;
  readonly interTokenLatency?: number;
  readonly prefillOverhead?: number;
  readonly prefillTimePerToken?: number;
  readonly timeFactorUnderLoad: number;
  readonly failureInjectionRate: number;
  readonly failureTypes?: FailureType[];
  readonly startupDuration: number;
  readonly defaultEmbeddingDimensions: number;
  readonly maxRequestBodySizeMb: number;
  readonly enableRequestIdHeaders: boolean;
  readonly serverDevMode: boolean;
}

function parseLora(text: string, previous: LoraModule[] = []): LoraModule[] {
  const [name, path] = text.startsWith('{') ? readLoraJson(text) : text.split('=', 2);
  if (name === undefined || name === '' || path === undefined) {
    throw new InvalidArgumentError('It must be NAME=PATH or {"name":"...","path":"..."}.');
  }
  return [...previous, { name, path }];
}

function readLoraJson(text: string): [string?, string?] {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    const { name, path = '' } = value;
    return typeof name === 'string' && typeof path === 'string' ? [name, path] : [];
  } catch {
    return [];
  }
}

function parseFailureTypes(text: string, previous: FailureType[] = []): FailureType[] {
  const types = text.split(',').map((name) => failureTypes.find((type) => type === name.trim()));
  if (types.includes(undefined)) {
    throw new InvalidArgumentError(`Known types: ${failureTypes.join(', ')}.`);
  }
  return [...previous, ...types.filter((type) => type !== undefined)];
}

/** Flags follow llm-d-inference-sim and vLLM where they mean the same. */
export function createCommand(version: string): Command {
  const profiles = builtInProfiles.map(({ name }) => name).join(', ');
  const command = new Command('inference-sim')
    .description('A simulated vLLM: its HTTP surface in front of engines that work in steps.')
    .version(version)
    .option('--host <address>', 'address to listen on', defaultOptions.host)
    .option(
      '--port <number>',
      'port of the first replica; 0 chooses free ones',
      numeric({ min: 0, max: 65_535, whole: true }),
      defaultOptions.port,
    )
    .option('--replicas <number>', 'engines, on consecutive ports', count, defaultOptions.replicas)
    .option(
      '--profile <name|file>',
      `what the engines run: a YAML file, or one of ${profiles} (default "${DEFAULT_PROFILE}" unless latencies are stated)`,
    )
    .option(
      '--time-scale <factor>',
      'the engines run this many times faster',
      numeric({ min: 0.001 }),
      1,
    )
    .option('--model <name>', "the base model; default the profile's")
    .option('--served-model-name <names...>', 'names that clients use instead of the model')
    .option('--max-num-seqs <number>', 'sequences in a step', count)
    .option('--max-num-batched-tokens <number>', 'tokens in a step', count)
    .option('--max-model-len <tokens>', 'longest prompt and answer together', count)
    .option(
      '--max-waiting-queue-length <number>',
      'requests that may wait before others get 503',
      count,
      1000,
    )
    .option('--block-size <tokens>', 'tokens in a KV block', count)
    .option('--kv-cache-size <blocks>', 'KV blocks of an engine', count)
    .option('--no-prefix-caching', 'reuse no blocks')
    .addOption(
      new Option('--mode <mode>', 'what answers consist of')
        .choices(['random', 'echo'])
        .default('random'),
    )
    .option('--echo', 'the same as --mode echo', false)
    .option(
      '--mean-output-tokens <number>',
      'mean length of answers that end by themselves',
      numeric({ min: 1 }),
    )
    .option('--seed <number>', 'makes answers repeatable', numeric({ min: 0, whole: true }), 0)
    .option('--lora-modules <module>', 'adapter as NAME=PATH or JSON; repeat for more', parseLora)
    .option('--max-loras <number>', 'different adapters in a step', count)
    .option('--enable-lora', 'show adapter metrics without any --lora-modules', false)
    .option(
      '--time-to-first-token <ms>',
      'state the delay of the first token instead of using a profile',
      milliseconds,
    )
    .option('--inter-token-latency <ms>', 'state the time between tokens', milliseconds)
    .option('--prefill-overhead <ms>', 'state the fixed part of prefill', milliseconds)
    .option('--prefill-time-per-token <ms>', 'state the part of prefill per token', milliseconds)
    .option(
      '--time-factor-under-load <factor>',
      'factor on steps of a full batch',
      numeric({ min: 1 }),
      1,
    )
    .option(
      '--failure-injection-rate <percent>',
      'requests that fail',
      numeric({ min: 0, max: 100 }),
      0,
    )
    .option(
      '--failure-types <types>',
      `kinds of failure, comma-separated: ${failureTypes.join(', ')} (default all)`,
      parseFailureTypes,
    )
    .option('--startup-duration <ms>', 'time during which the servers answer 503', milliseconds, 0)
    .option(
      '--default-embedding-dimensions <number>',
      'length of embeddings',
      count,
      defaultOptions.embeddingDimensions,
    )
    .option(
      '--max-request-body-size-mb <number>',
      'largest request body',
      numeric({ min: 1, max: 512 }),
      32,
    )
    .option('--enable-request-id-headers', 'repeat the request id as x-request-id', false)
    .option('--server-dev-mode', 'offer /reset_prefix_cache, as VLLM_SERVER_DEV_MODE=1 does', false)
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists the flags)');
  return addKvFlags(command);
}

/** The options that a parsed command asks for. @throws {@link FlagError}, or `ProfileError` for a bad profile file */
export function optionsFromFlags(
  command: Command,
): Omit<InferenceSimOptions, 'podName' | 'podNamespace' | 'podIp'> {
  const flags = command.opts<Flags>();
  const { profile, extraTtftMs } = chooseProfile(flags);
  const engines = flags.replicas * flags.dataParallelSize;
  if (flags.port > 0 && flags.port + engines - 1 > 65_535) {
    throw new FlagError(
      `--port ${flags.port} leaves no room for --replicas ${flags.replicas} of --data-parallel-size ${flags.dataParallelSize}`,
    );
  }
  const loraModules = flags.loraModules ?? [];
  return {
    host: flags.host,
    port: flags.port,
    replicas: flags.replicas,
    dataParallelSize: flags.dataParallelSize,
    ...kvOptions(flags, engines),
    profile,
    engine: engineConfig(flags, profile),
    latency: { timeFactorUnderLoad: flags.timeFactorUnderLoad, extraTtftMs },
    servedNames: flags.servedModelName ?? [],
    loraModules,
    loraEnabled: flags.enableLora || loraModules.length > 0,
    seed: flags.seed,
    failures: { rate: flags.failureInjectionRate, types: flags.failureTypes ?? [] },
    startupDurationMs: flags.startupDuration,
    embeddingDimensions: flags.defaultEmbeddingDimensions,
    maxBodyBytes: flags.maxRequestBodySizeMb * 2 ** 20,
    maxBufferedBytes: defaultOptions.maxBufferedBytes,
    requestIdHeaders: flags.enableRequestIdHeaders,
    devMode: flags.serverDevMode,
  };
}

function chooseProfile(flags: Flags): { profile: EngineProfile; extraTtftMs: number } {
  const stated = [
    ...[flags.timeToFirstToken, flags.interTokenLatency],
    ...[flags.prefillOverhead, flags.prefillTimePerToken],
  ];
  if (stated.some((value) => value !== undefined)) {
    if (flags.profile !== undefined) {
      throw new FlagError(
        '--profile cannot be combined with stated latencies such as --time-to-first-token',
      );
    }
    const scaled = statedProfile({
      timeToFirstTokenMs: flags.timeToFirstToken ?? 0,
      interTokenLatencyMs: flags.interTokenLatency ?? 0,
      prefillOverheadMs: flags.prefillOverhead ?? 0,
      prefillTimePerTokenMs: flags.prefillTimePerToken ?? 0,
    });
    return { profile: scaled.profile, extraTtftMs: scaled.extraTtftMs / flags.timeScale };
  }
  return { profile: loadProfile(flags.profile ?? DEFAULT_PROFILE), extraTtftMs: 0 };
}

function loadProfile(nameOrFile: string): EngineProfile {
  const builtIn = findBuiltInProfile(nameOrFile);
  if (builtIn !== undefined) return builtIn;
  let text: string;
  try {
    text = readFileSync(nameOrFile, 'utf8');
  } catch (cause) {
    const names = builtInProfiles.map(({ name }) => name).join(', ');
    const message = `--profile ${nameOrFile} is neither a readable file nor one of ${names}`;
    throw new FlagError(message, { cause });
  }
  return parseProfile(text, nameOrFile);
}

/** What the flags change of the profile. */
function engineConfig(flags: Flags, profile: EngineProfile): EngineConfig {
  const maxNumSeqs = flags.maxNumSeqs ?? profile.maxNumSeqs;
  const maxNumBatchedTokens = flags.maxNumBatchedTokens ?? profile.maxNumBatchedTokens;
  if (maxNumBatchedTokens < maxNumSeqs) {
    throw new FlagError(
      `--max-num-batched-tokens (${maxNumBatchedTokens}) must be at least --max-num-seqs (${maxNumSeqs})`,
    );
  }
  return {
    model: flags.model ?? profile.model,
    blockSizeTokens: flags.blockSize ?? profile.blockSizeTokens,
    numGpuBlocks: flags.kvCacheSize ?? profile.numGpuBlocks,
    maxModelLen: flags.maxModelLen ?? profile.maxModelLen,
    maxNumSeqs,
    maxNumBatchedTokens,
    timeScale: flags.timeScale,
    maxWaitingRequests: flags.maxWaitingQueueLength,
    enablePrefixCaching: flags.prefixCaching,
    hashSeed: flags.hashSeed ?? '',
    maxLoras: flags.maxLoras ?? 1,
    mode: flags.echo ? 'echo' : flags.mode,
    ...(flags.meanOutputTokens === undefined ? {} : { meanOutputTokens: flags.meanOutputTokens }),
  };
}
