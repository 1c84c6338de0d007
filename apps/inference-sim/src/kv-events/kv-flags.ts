// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError, Option, type Command } from 'commander';
import { FlagError, count, numeric } from '../flag-values.ts';
import { defaultOptions, type InferenceSimOptions } from '../options.ts';
import { isBound, portOf } from './endpoint.ts';
import { KvEventsConfigError, parseKvEventsConfig } from './kv-events-config.ts';
import {
  defaultKvEvents,
  replayLayouts,
  type KvEventsOptions,
  type ReplayLayout,
} from './kv-events-options.ts';

/** What commander gives, by the flags' names in camel case. */
export interface KvFlags {
  readonly dataParallelSize: number;
  readonly kvEventsConfig?: { readonly events: KvEventsOptions | undefined };
  readonly enableKvcache: boolean;
  readonly zmqEndpoint: string;
  readonly eventBatchSize: number;
  readonly useVllmMapEventFormat: boolean;
  readonly kvEventsReplayEndpoint: string;
  readonly kvEventsReplayQueueSize: number;
  readonly kvEventsReplayLayout: ReplayLayout;
  readonly kvEventsDialect: 'vllm' | 'sglang';
  readonly kvEventsDropRate: number;
  readonly kvEventsTruncate: number;
  readonly kvEventsReplayTruncate?: number;
  readonly hashSeed?: string;
  readonly cpuCacheSize: number;
  readonly sharedKvStorage?: string | true;
  readonly selfDescribingKvEvents: boolean;
  readonly kvBytesPerToken: number;
}

const percent = numeric({ min: 0, max: 100 });

/** The flags about what engines share of their caches. Those of llm-d-inference-sim act with `--enable-kvcache` only. */
export function addKvFlags(command: Command): Command {
  return addTestFlags(addSimFlags(addVllmFlags(command)));
}

function addVllmFlags(command: Command): Command {
  return command
    .option(
      '--data-parallel-size <ranks>',
      'engines of each replica, on consecutive ports, for HTTP as for events',
      count,
      defaultOptions.dataParallelSize,
    )
    .option('--kv-events-config <json>', "publish KV events; vLLM's keys", parseConfig)
    .option(
      '--hash-seed <seed>',
      'engines with the same seed give blocks the same hashes; default PYTHONHASHSEED',
    )
    .option(
      '--cpu-cache-size <blocks>',
      'blocks that an engine offloads to host memory',
      numeric({ min: 0, whole: true }),
      defaultOptions.offload.cpuBlocks,
    )
    .option(
      '--shared-kv-storage [medium]',
      'all engines offload to one storage, by this word in events (default "SHARED_STORAGE")',
    )
    .option(
      '--self-describing-kv-events',
      'events of offloaded blocks have tokens, not only hashes',
      defaultOptions.offload.selfDescribingEvents,
    )
    .option(
      '--kv-bytes-per-token <bytes>',
      'what loading an offloaded token moves, at 25 GB/s from host memory and 2 GB/s from storage',
      count,
      defaultOptions.offload.kvBytesPerToken,
    );
}

function addSimFlags(command: Command): Command {
  return command
    .option(
      '--enable-kvcache [boolean]',
      'publish KV events as llm-d-inference-sim does',
      parseBoolean,
      false,
    )
    .option(
      '--zmq-endpoint <endpoint>',
      'where to publish; dialled unless it contains * or ::',
      parseEndpoint,
      'tcp://127.0.0.1:5557',
    )
    .option('--event-batch-size <number>', 'most events in a message', count, 16)
    .option(
      '--use-vllm-map-event-format [boolean]',
      'events as maps instead of arrays',
      parseBoolean,
      false,
    )
    .option('--kv-events-replay-endpoint <endpoint>', 'where to offer what was published', '')
    .option(
      '--kv-events-replay-queue-size <number>',
      'messages kept for those who ask again',
      count,
      1024,
    );
}

function addTestFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--kv-events-replay-layout <layout>', 'frames of replayed messages')
        .choices(replayLayouts)
        .default('vllm'),
    )
    .addOption(
      new Option('--kv-events-dialect <engine>', 'whose events they look like')
        .choices(['vllm', 'sglang'])
        .default('vllm'),
    )
    .option('--kv-events-drop-rate <percent>', 'messages that are not sent', percent, 0)
    .option('--kv-events-truncate <percent>', 'messages of which half is sent', percent, 0)
    .option(
      '--kv-events-replay-truncate <number>',
      'messages after which a replay ends without a word',
      numeric({ min: 0, whole: true }),
    );
}

/** The options that these flags ask for, in a process with so many engines. @throws {@link FlagError} */
export function kvOptions(
  flags: KvFlags,
  engines: number,
): Pick<InferenceSimOptions, 'kvEvents' | 'offload'> {
  const { sharedKvStorage } = flags;
  const kvEvents = chooseEvents(flags);
  if (kvEvents !== undefined) checkPorts(kvEvents, engines);
  return {
    kvEvents,
    offload: {
      cpuBlocks: flags.cpuCacheSize,
      sharedMedium: sharedKvStorage === true ? 'SHARED_STORAGE' : sharedKvStorage,
      selfDescribingEvents: flags.selfDescribingKvEvents,
      kvBytesPerToken: flags.kvBytesPerToken,
    },
  };
}

function chooseEvents(flags: KvFlags): KvEventsOptions | undefined {
  if (flags.kvEventsConfig !== undefined && flags.enableKvcache) {
    throw new FlagError('--kv-events-config cannot be combined with --enable-kvcache');
  }
  const events = flags.enableKvcache ? simEvents(flags) : flags.kvEventsConfig?.events;
  if (events === undefined) return undefined;
  return {
    ...events,
    encoding: { ...events.encoding, dialect: flags.kvEventsDialect },
    replayLayout: flags.kvEventsReplayLayout,
    faults: {
      dropPercent: flags.kvEventsDropRate,
      truncatePercent: flags.kvEventsTruncate,
      replayLimit: flags.kvEventsReplayTruncate ?? Infinity,
    },
  };
}

function simEvents(flags: KvFlags): KvEventsOptions {
  const form = flags.useVllmMapEventFormat ? 'map' : 'array';
  return {
    ...defaultKvEvents,
    endpoint: flags.zmqEndpoint,
    replayEndpoint: flags.kvEventsReplayEndpoint === '' ? undefined : flags.kvEventsReplayEndpoint,
    bufferSteps: flags.kvEventsReplayQueueSize,
    maxEventsPerBatch: flags.eventBatchSize,
    encoding: { ...defaultKvEvents.encoding, form },
  };
}

/** With consecutive ports for each, one engine's events could meet another's replay. */
function checkPorts({ endpoint, replayEndpoint }: KvEventsOptions, engines: number): void {
  const first = portOf(endpoint);
  const second = replayEndpoint === undefined ? undefined : portOf(replayEndpoint);
  for (const port of [first, second]) {
    if (port !== undefined && port + engines - 1 > 65_535) {
      throw new FlagError(`KV event port ${port} leaves no room for ${engines} engines`);
    }
  }
  if (!isBound(endpoint) || !first || !second) return;
  if (Math.abs(first - second) < engines) {
    throw new FlagError(
      `KV event ports from ${first} and replay ports from ${second} overlap for ${engines} engines`,
    );
  }
}

function parseConfig(text: string): { readonly events: KvEventsOptions | undefined } {
  try {
    return { events: parseKvEventsConfig(text) };
  } catch (error) {
    if (error instanceof KvEventsConfigError) {
      throw new InvalidArgumentError(error.faults.join('; '));
    }
    throw error;
  }
}

function parseEndpoint(text: string): string {
  if (/^(tcp|ipc|inproc):\/\/./.test(text)) return text;
  throw new InvalidArgumentError('It must begin with tcp://, ipc:// or inproc://.');
}

function parseBoolean(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('It must be true or false.');
}
