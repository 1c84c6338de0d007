// SPDX-License-Identifier: Apache-2.0
import { systemClock, type Clock } from '@llm-d/determinism';
import {
  createKvFollower,
  kvBusMetrics,
  kvEventMetrics,
  type KvBus,
  type KvIndexFollower,
} from '@llm-d/kv-events';
import type { MemoryKvBlockIndex } from '@llm-d/kv-index';
import type { KvRedisMirror } from '@llm-d/kv-index/redis';
import { noopTracer, type Logger, type Telemetry } from '@llm-d/telemetry';
import { createPrometheusMetrics, type PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { randomUUID } from 'node:crypto';
import { connectBus, connectLease } from './following/connect-bus.ts';
import { followBus, type FollowedBus } from './following/followed-bus.ts';
import { observeMirror, openMirror } from './following/redis-mirror.ts';
import { keepSnapshots, type SnapshotKeeper } from './following/snapshot-keeper.ts';
import { loadWarmIndex } from './following/warm-index.ts';
import {
  indexBytes,
  indexedBlocks,
  indexedCopies,
  kvIndexerMetrics,
  querySeconds,
} from './indexer-metrics.ts';
import type { KvIndexerOptions } from './options.ts';
import { createIndexerApi } from './queries/indexer-api.ts';
import type { PromptTokens } from './queries/prompt-tokens.ts';
import { createRenderService } from './queries/render-service.ts';
import { createScoring } from './queries/scoring.ts';
import { serve } from './serve.ts';

/** What may be put in place of what options name. */
export interface KvIndexerParts {
  /** Default the NATS that options name. It stays its owner's. */
  readonly bus?: KvBus | undefined;
  /** Default the render server that options name. */
  readonly tokens?: PromptTokens | undefined;
  /** Default the machine's. */
  readonly clock?: Clock | undefined;
}

/** An indexer that serves. */
export interface KvIndexer {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly index: MemoryKvBlockIndex;
  readonly following: FollowedBus;
  /** Undefined where this replica takes none. */
  readonly snapshots: SnapshotKeeper | undefined;
  /** Undefined without Redis. */
  readonly mirror: KvRedisMirror | undefined;
  /**
   * Wants no more questions, reads no more, takes the last snapshot, brings Redis up to date, and ends: all within the
   * time that options give. Calling it again ends the waiting.
   */
  close(): Promise<void>;
}

/** A snapshot that takes longer than this is given up: the next one would come to stand behind it. */
const SNAPSHOT_TIMEOUT_MS = 120_000;
const SURVEY_FOR_MS = 5000;

/**
 * Starts an indexer: it begins with the newest snapshot and reads on behind it. Rejects with an error that `startError`
 * knows where somebody must change something first; nothing is left running then.
 */
export async function startKvIndexer(
  options: KvIndexerOptions,
  logger: Logger,
  parts: KvIndexerParts = {},
): Promise<KvIndexer> {
  await using started = new AsyncDisposableStack();
  const clock = parts.clock ?? systemClock;
  const metrics = createMetrics(options);
  const telemetry: Telemetry = { logger, metrics, tracer: noopTracer };
  const bus = parts.bus ?? started.use(await connectBus(options.nats, telemetry));
  const mirror = await openMirror(options, { clock, telemetry });
  if (mirror !== undefined) started.use(mirror);
  const lease =
    parts.bus === undefined && options.takesSnapshots
      ? started.use(await connectLease(options.nats, { replica: randomUUID(), clock, telemetry }))
      : undefined;
  const mayTake = () => lease?.isHeld !== false;
  const followed = await startFollowing(options, { bus, mirror, clock, telemetry, mayTake });
  started.defer(() => followed.following.stop());
  const { index, follower, following, snapshots } = followed;
  if (snapshots !== undefined) started.defer(() => snapshots.stop());

  const draining = new AbortController();
  const notReady = (): string | undefined => {
    if (draining.signal.aborted) return 'the indexer is shutting down';
    if (following.problem !== undefined) return 'the bus is not read any more';
    return following.hasCaughtUp ? undefined : 'the index is not caught up with the bus yet';
  };
  const tokens = parts.tokens ?? tokensOf(options, clock);
  const scoring = createScoring({
    ...{ index, clock },
    blockSizeTokens: options.blockSizeTokens,
    algorithm: options.hashAlgorithm,
    hashSeed: options.hashSeed,
    seconds: metrics.histogram(querySeconds, {}),
  });
  const api = createIndexerApi({ scoring, tokens, notReady, metrics });
  const status = () => ({ ...statusOf(followed, mirror), takesSnapshots: mayTake() });
  const expose = () => {
    observe(index, mirror, metrics);
    return metrics.expose();
  };
  const surveyForMs = SURVEY_FOR_MS;
  const served = await serve(options, {
    ...{ api, index, follower, clock, status, notReady, telemetry, surveyForMs },
    isAlive: () => following.problem === undefined,
    metrics: { contentType: metrics.contentType, expose },
  });
  started.defer(() => served.close());

  const all = started.move();
  const hurry = new AbortController();
  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    draining.abort();
    const limit = clock.schedule(options.drainTimeoutMs, () => {
      hurry.abort(new Error('the time to end is over'));
    });
    await following.stop().catch(() => undefined);
    await snapshots?.stop();
    await Promise.all([
      snapshots?.take(hurry.signal),
      mirror?.flush(hurry.signal).catch((error: unknown) => {
        logger.warn('Redis was not brought up to date', { error });
      }),
    ]);
    limit.cancel();
    await all.disposeAsync();
  };
  return {
    ...{ index, following, snapshots, mirror },
    httpPort: served.httpPort,
    grpcPort: served.grpcPort,
    close: () => {
      if (ending !== undefined) hurry.abort(new Error('asked to hurry'));
      return (ending ??= end());
    },
  };
}

interface Followed {
  readonly index: MemoryKvBlockIndex;
  readonly follower: KvIndexFollower;
  readonly following: FollowedBus;
  readonly snapshots: SnapshotKeeper | undefined;
}

interface FollowingParts {
  readonly bus: KvBus;
  readonly mirror: KvRedisMirror | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Whether it is this replica that takes snapshots. */
  readonly mayTake: () => boolean;
}

async function startFollowing(
  options: KvIndexerOptions,
  { bus, mirror, clock, telemetry, mayTake }: FollowingParts,
): Promise<Followed> {
  const { maxIndexBytes } = options;
  const indexOptions = {
    blockSizeTokens: options.blockSizeTokens,
    algorithm: options.hashAlgorithm,
    hashSeed: options.hashSeed,
    defer: (slice: () => void) => void setImmediate(slice),
    ...(maxIndexBytes !== undefined && { maxBytes: maxIndexBytes }),
    ...(mirror !== undefined && { onChange: mirror.sink }),
  };
  const { logger } = telemetry;
  const signal = AbortSignal.timeout(SNAPSHOT_TIMEOUT_MS);
  const warm = await loadWarmIndex(bus, indexOptions, { logger, signal });
  const { index, cursors } = warm;
  const follower = createKvFollower({ index, cursors, clock, telemetry });
  const following = followBus({
    ...{ bus, follower, telemetry },
    after: warm.position,
    // Rows of before would be older than those that another replica may have written.
    onFirstCaughtUp: () => mirror?.follow(index.rows),
  });
  const snapshots = options.takesSnapshots
    ? keepSnapshots({
        ...{ index, follower, clock, telemetry, mayTake },
        store: bus.snapshots,
        position: () => following.position,
        saved: warm.position,
        intervalMs: options.snapshotIntervalMs,
        timeoutMs: SNAPSHOT_TIMEOUT_MS,
      })
    : undefined;
  return { index, follower, following, snapshots };
}

function createMetrics({ legacyMetrics }: KvIndexerOptions): PrometheusMetrics {
  return createPrometheusMetrics({
    processMetrics: true,
    definitions: [...kvIndexerMetrics, ...kvBusMetrics, ...kvEventMetrics],
    legacyNames: legacyMetrics,
  });
}

const tokensOf = (
  { renderUrl: url, renderTimeoutMs: timeoutMs }: KvIndexerOptions,
  clock: Clock,
): PromptTokens | undefined =>
  url === undefined ? undefined : createRenderService({ url, timeoutMs, clock });

function observe(
  index: MemoryKvBlockIndex,
  mirror: KvRedisMirror | undefined,
  metrics: PrometheusMetrics,
): void {
  const { blocks, copies, bytes } = index.stats();
  metrics.gauge(indexedBlocks, {}).set(blocks);
  metrics.gauge(indexedCopies, {}).set(copies);
  metrics.gauge(indexBytes, {}).set(bytes);
  if (mirror !== undefined) observeMirror(mirror, metrics);
}

function statusOf(
  { following, snapshots, follower }: Followed,
  mirror: KvRedisMirror | undefined,
): object {
  const { position, hasCaughtUp, truncatedUntil } = following;
  return {
    ...{ position, hasCaughtUp, truncatedUntil },
    isCaughtUp: follower.freshness().isCaughtUp,
    snapshotSavedMs: snapshots?.savedMs,
    redis: mirror?.status(),
  };
}
