// SPDX-License-Identifier: Apache-2.0
import type { Rate } from './budget.ts';

/**
 * What one connection may take from this server. The defaults let everything pass that a proxy does in front of an
 * ext_proc server, and bound what a hostile peer can cost.
 */
export interface Http2Limits {
  /**
   * Streams open at once; further ones are refused, which is safe to retry. Default 4096: a stream lasts as long as
   * the HTTP exchange it accompanies, and a proxy that needs more opens another connection.
   */
  readonly maxConcurrentStreams: number;
  /** Bytes a stream may send before the application takes them. Default 1 MiB. */
  readonly streamWindowBytes: number;
  /** Bytes all streams together may have on the way. Default 16 MiB. */
  readonly connectionWindowBytes: number;
  /**
   * Bytes held for paused streams of one connection. Beyond it the whole connection waits; below it a paused stream
   * does not hold up the others. Default 64 MiB.
   */
  readonly maxHeldBytes: number;
  /** Octets of one request's headers, as RFC 9113 section 10.5.1 counts, decoded and on the wire. Default 32 KiB. */
  readonly maxHeaderListBytes: number;
  /** CONTINUATION frames in one header block. Default 16: a block within the limit above needs two. */
  readonly maxContinuations: number;
  /**
   * Streams that the peer resets within {@link rapidResetAgeMs} and before they were answered. Default 10,000 at
   * once and 1,000 a second. A proxy resets each ext_proc stream when its HTTP exchange is over, which is after an
   * answer, so those do not count; early resets happen when clients go away faster than an answer comes. At the
   * default rate an attack costs some hundredths of a core.
   */
  readonly rapidResets: Rate;
  /**
   * Age from which an unanswered stream's reset is no longer rapid. Default 1000. Streams that old are bounded by
   * {@link maxConcurrentStreams}, and a proxy whose clients time out together must not lose its connection.
   */
  readonly rapidResetAgeMs: number;
  /** PING frames that want an answer. Default 2,000 at once and 1,000 a second: window estimators send one per round trip. */
  readonly pings: Rate;
  /** SETTINGS frames. Default 100 at once and 10 a second; each may change the windows of every stream. */
  readonly settings: Rate;
  /**
   * Frames that achieve nothing: empty DATA, PRIORITY, unknown types, frames on closed or refused streams.
   * Default 10,000 at once and 1,000 a second.
   */
  readonly idleFrames: Rate;
  /** Control frames (acknowledgements, resets) that wait because the peer does not read. Default 1 MiB. */
  readonly maxControlBytes: number;
  /** From accepting the socket to the client's first SETTINGS. Default 10,000. */
  readonly handshakeTimeoutMs: number;
  /** From sending our SETTINGS to their acknowledgement. Default 10,000. */
  readonly settingsTimeoutMs: number;
  /** From HEADERS to the end of its last CONTINUATION. Default 5,000. */
  readonly headerBlockTimeoutMs: number;
  /** Silence after which a PING asks whether the peer is still there. Default 60,000. */
  readonly keepAliveAfterMs: number;
  /** How long that PING may go unanswered. Default 20,000. */
  readonly keepAliveTimeoutMs: number;
  /** Time without any stream after which the connection is closed gracefully. Default 2 hours. */
  readonly idleTimeoutMs: number;
  /**
   * How long a stream may have something to send while the peer takes less than 16 KiB of it. Default 5 minutes.
   * The stream is reset then: a window of a few bytes must not hold memory for ever.
   */
  readonly stalledStreamTimeoutMs: number;
}

export const defaultHttp2Limits: Http2Limits = {
  maxConcurrentStreams: 4096,
  streamWindowBytes: 2 ** 20,
  connectionWindowBytes: 2 ** 24,
  maxHeldBytes: 2 ** 26,
  maxHeaderListBytes: 2 ** 15,
  maxContinuations: 16,
  rapidResets: { burst: 10_000, perSecond: 1_000 },
  rapidResetAgeMs: 1_000,
  pings: { burst: 2_000, perSecond: 1_000 },
  settings: { burst: 100, perSecond: 10 },
  idleFrames: { burst: 10_000, perSecond: 1_000 },
  maxControlBytes: 2 ** 20,
  handshakeTimeoutMs: 10_000,
  settingsTimeoutMs: 10_000,
  headerBlockTimeoutMs: 5_000,
  keepAliveAfterMs: 60_000,
  keepAliveTimeoutMs: 20_000,
  idleTimeoutMs: 7_200_000,
  stalledStreamTimeoutMs: 300_000,
};
