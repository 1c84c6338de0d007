// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { millis, nanos } from '@nats-io/transport-node';
import { KvBusError } from '../bus/kv-bus-error.ts';
import { lastingProblem } from './nats-problem.ts';

/** What a stream is to be. Fields left out take a default when it is made, and stay as they are otherwise. */
export interface NatsStreamOptions {
  readonly stream: string;
  readonly subjectPrefix: string;
  readonly storage?: 'file' | 'memory' | undefined;
  readonly replicas?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly duplicateWindowMs?: number | undefined;
}

interface NatsStreamParts {
  readonly jsm: JetStreamManager;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DEFAULT_MAX_AGE_MS = 30 * 60_000;
const DEFAULT_MAX_BYTES = 2 ** 30;
const DEFAULT_DUPLICATE_WINDOW_MS = 2 * 60_000;
/** Places of a stream begin at the microsecond of its making. */
const PLACES_PER_MS = 1000;
/** How a stream says that it was made here and may be changed. */
const OURS = { 'llm-d.ai/made-by': 'kv-events' };

/**
 * Makes the stream where it is missing, and adapts it where it is ours and differs. A stream of somebody else serves as
 * it is, if it can. Rejects with `KvBusError`.
 *
 * The places of a new stream begin at the time in microseconds, so that they are above those of any stream of that name
 * before it: who comes back with an old place learns that the messages behind it are gone.
 */
export async function ensureStream(
  options: NatsStreamOptions,
  parts: NatsStreamParts,
): Promise<StreamInfo> {
  try {
    return await findOrMake(options, parts);
  } catch (error) {
    throw streamProblem(options.stream, error);
  }
}

async function findOrMake(
  options: NatsStreamOptions,
  { jsm, clock, logger }: NatsStreamParts,
): Promise<StreamInfo> {
  const { stream } = options;
  const found = await findStream(jsm, stream);
  if (found !== undefined) return adapt(found, options, { jsm, logger });
  const firstPlace = Math.floor(clock.epochMs()) * PLACES_PER_MS;
  try {
    const made = await jsm.streams.add(newStream(options, firstPlace));
    logger.info('made a stream for KV events', { stream });
    return made;
  } catch (error) {
    // Somebody else was faster.
    const theirs = await findStream(jsm, stream);
    if (theirs === undefined) throw error;
    return adapt(theirs, options, { jsm, logger });
  }
}

async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    const isMissing =
      error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
    if (isMissing) return undefined;
    throw error;
  }
}

type NewStream = Partial<StreamConfig> & { readonly name: string };

function newStream(options: NatsStreamOptions, firstPlace: number): NewStream {
  const { stream, subjectPrefix, storage = 'file', replicas = 1 } = options;
  const { maxAgeMs = DEFAULT_MAX_AGE_MS, maxBytes = DEFAULT_MAX_BYTES } = options;
  const windowMs = Math.min(options.duplicateWindowMs ?? DEFAULT_DUPLICATE_WINDOW_MS, maxAgeMs);
  return {
    name: stream,
    description: 'KV cache events of engines, for indexes',
    subjects: [`${subjectPrefix}.>`],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    storage: storage === 'file' ? StorageType.File : StorageType.Memory,
    num_replicas: replicas,
    max_age: nanos(maxAgeMs),
    max_bytes: maxBytes,
    duplicate_window: nanos(windowMs),
    allow_direct: true,
    first_seq: firstPlace,
    metadata: OURS,
  };
}

async function adapt(
  info: StreamInfo,
  options: NatsStreamOptions,
  { jsm, logger }: Pick<NatsStreamParts, 'jsm' | 'logger'>,
): Promise<StreamInfo> {
  const { config } = info;
  const { stream } = options;
  const wanted = `${options.subjectPrefix}.>`;
  if (!config.subjects.includes(wanted)) {
    throw unfit(stream, `it does not keep ${wanted}`);
  }
  if (config.retention !== RetentionPolicy.Limits) {
    throw unfit(stream, `its retention is ${config.retention} instead of limits`);
  }
  const changes = changesOf(config, options);
  if (Object.keys(changes).length === 0) return info;
  if (config.metadata?.['llm-d.ai/made-by'] !== OURS['llm-d.ai/made-by']) {
    logger.warn('the stream was made by somebody else and stays as it is', { stream });
    return info;
  }
  const changed = await jsm.streams.update(stream, { ...config, ...changes });
  logger.info('changed the stream for KV events', { stream, changes });
  return changed;
}

function changesOf(config: StreamConfig, options: NatsStreamOptions): Partial<StreamConfig> {
  const { maxAgeMs, maxBytes, replicas } = options;
  const ageMs = maxAgeMs ?? millis(config.max_age);
  const windowMs = options.duplicateWindowMs ?? millis(config.duplicate_window);
  const wanted: Partial<StreamConfig> = {
    ...(maxAgeMs === undefined ? {} : { max_age: nanos(maxAgeMs) }),
    ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
    ...(replicas === undefined ? {} : { num_replicas: replicas }),
    // It may not be longer than messages live.
    duplicate_window: nanos(ageMs > 0 ? Math.min(windowMs, ageMs) : windowMs),
  };
  const now: Partial<Record<string, unknown>> = { ...config };
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => now[name] !== value));
}

const unfit = (stream: string, problem: string, options?: ErrorOptions): KvBusError =>
  new KvBusError(
    'KV_BUS_UNFIT',
    `the stream ${stream} cannot carry KV events: ${problem}`,
    options,
  );

function streamProblem(stream: string, error: unknown): KvBusError {
  const lasting = lastingProblem(error);
  if (lasting !== undefined && lasting.code !== 'KV_BUS_REFUSED') return lasting;
  const reason = error instanceof Error ? error.message : String(error);
  if (lasting !== undefined || error instanceof JetStreamApiError) {
    return unfit(stream, reason, { cause: error });
  }
  return new KvBusError('KV_BUS_UNREACHABLE', `JetStream does not answer: ${reason}`, {
    cause: error,
  });
}
