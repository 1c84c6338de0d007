// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import type { Telemetry } from '@llm-d/telemetry';
import type { JetStreamClient, PubAck } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { KvBusError } from '../bus/kv-bus-error.ts';
import {
  publishedBytes,
  publishedMessages,
  publishesUnderWay,
  publishRetries,
} from '../bus/kv-bus-metrics.ts';
import { messageId, sourceId, type KeptMessage } from '../bus/message-id.ts';
import type { KvBusPosition } from '../kv-bus.ts';
import type { KvHeartbeatMessage, KvMessage } from '../kv-message.ts';
import { encodeMessage, setBehind } from './message-codec.ts';
import { LinkLostError, type NatsLink } from './nats-link.ts';
import { lastingProblem } from './nats-problem.ts';
import { PublishLanes } from './publish-lanes.ts';
import { PublishWindow, type PublishWindowOptions } from './publish-window.ts';
import { subjectOf } from './subject.ts';

export interface NatsPublisherOptions {
  readonly link: Pick<NatsLink, 'isConnected' | 'isClosed' | 'connected' | 'whileConnected'>;
  readonly nc: Pick<NatsConnection, 'publish'>;
  readonly js: Pick<JetStreamClient, 'publish'>;
  readonly stream: string;
  readonly subjectPrefix: string;
  readonly heartbeatPrefix: string;
  readonly window: PublishWindowOptions;
  /** Longest wait for one answer. */
  readonly answerTimeoutMs: number;
  /** Makes the stream again where it has vanished. */
  readonly repairStream: () => Promise<unknown>;
  /** The last place of the stream when we came: nothing that was published before is behind it. */
  readonly latest: KvBusPosition;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Ends everything. */
  readonly closed: AbortSignal;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Publishes until the stream has it. One message of a source is under way at a time, so that none overtakes another
 * that is tried again; the sources share a window.
 */
export class NatsPublisher {
  readonly #options: NatsPublisherOptions;
  readonly #lanes = new PublishLanes();
  readonly #window: PublishWindow;
  /** Where the last message of each source went. */
  readonly #latest = new Map<string, { readonly pod: string; readonly position: KvBusPosition }>();
  readonly #counters;

  constructor(options: NatsPublisherOptions) {
    this.#options = options;
    this.#window = new PublishWindow(options.window);
    const { metrics } = options.telemetry;
    const published = (kind: KvMessage['kind']) => metrics.counter(publishedMessages, { kind });
    this.#counters = {
      batch: published('batch'),
      loss: published('loss'),
      gone: published('gone'),
      heartbeat: published('heartbeat'),
      bytes: metrics.counter(publishedBytes, {}),
      retries: metrics.counter(publishRetries, {}),
      underWay: metrics.gauge(publishesUnderWay, {}),
    };
  }

  /** As `KvBus.publish`. After an abort the attempt that is under way may still succeed. */
  publish(message: KeptMessage, signal: AbortSignal): Promise<void> {
    const { closed } = this.#options;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        reject(closed.aborted ? closedError() : abortReason(signal));
      };
      if (signal.aborted || closed.aborted) {
        abort();
        return;
      }
      signal.addEventListener('abort', abort);
      closed.addEventListener('abort', abort);
      this.#inLane(message, signal)
        .then(resolve, reject)
        .finally(() => {
          signal.removeEventListener('abort', abort);
          closed.removeEventListener('abort', abort);
        });
    });
  }

  /** Sends it to those who read now, if there is a connection. */
  heartbeat(message: KvHeartbeatMessage): void {
    const { link, nc, heartbeatPrefix, latest } = this.#options;
    // What is published without a connection would be kept until there is one, without a limit.
    if (!link.isConnected || this.#options.closed.aborted) return;
    const { headers, payload } = encodeMessage(message);
    setBehind(headers, this.#latest.get(sourceId(message.source))?.position ?? latest);
    nc.publish(subjectOf(heartbeatPrefix, message), payload, { headers });
    this.#counters.heartbeat.inc();
  }

  #inLane(message: KeptMessage, signal: AbortSignal): Promise<void> {
    const [pod, rank] =
      message.kind === 'gone' ? [message.pod] : [message.source.pod, message.source.dpRank];
    return this.#lanes.run(pod, rank, async () => {
      const bytes = message.kind === 'batch' ? message.payload.byteLength : 0;
      await this.#window.enter(bytes);
      this.#counters.underWay.set(this.#window.messages);
      try {
        const { seq, duplicate } = await this.#untilKept(message, signal);
        this.#remember(message, seq);
        if (duplicate) return;
        this.#counters[message.kind].inc();
        this.#counters.bytes.inc(bytes);
      } finally {
        this.#window.leave(bytes);
        this.#counters.underWay.set(this.#window.messages);
      }
    });
  }

  async #untilKept(message: KeptMessage, signal: AbortSignal): Promise<PubAck> {
    const { link, js, clock, closed, stream, subjectPrefix, answerTimeoutMs } = this.#options;
    const { headers, payload } = encodeMessage(message);
    const subject = subjectOf(subjectPrefix, message);
    const publishOptions = {
      headers,
      msgID: messageId(message),
      expect: { streamName: stream },
      timeout: answerTimeoutMs,
    };
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      if (signal.aborted) throw abortReason(signal);
      if (closed.aborted || link.isClosed) throw closedError();
      if (!link.isConnected) {
        await link.connected();
        continue;
      }
      try {
        return await link.whileConnected(js.publish(subject, payload, publishOptions));
      } catch (error) {
        await this.#afterFailure(error);
      }
      await sleep(clock, pauseMs);
    }
  }

  /** Rejects where no other try can help. */
  async #afterFailure(error: unknown): Promise<void> {
    const { telemetry, repairStream } = this.#options;
    const lasting = lastingProblem(error);
    if (lasting !== undefined) throw lasting;
    this.#counters.retries.inc();
    if (error instanceof LinkLostError) return;
    telemetry.logger.warn('a message could not be published and is tried again', { error });
    await repairStream().catch((problem: unknown) => {
      telemetry.logger.warn('the stream cannot be looked after', { error: problem });
    });
  }

  #remember(message: KeptMessage, position: KvBusPosition): void {
    if (message.kind === 'gone') {
      for (const [id, { pod }] of this.#latest) if (pod === message.pod) this.#latest.delete(id);
    } else this.#latest.set(sourceId(message.source), { pod: message.source.pod, position });
  }
}

const closedError = (): KvBusError => new KvBusError('KV_BUS_CLOSED', 'the bus is closed');

/** Whatever it is, somebody chose it. */
const abortReason = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
