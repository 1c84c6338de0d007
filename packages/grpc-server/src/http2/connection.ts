// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '@llm-d/determinism';
import { HpackDecoder, type HeaderList } from '../hpack/decoder.ts';
import { emptyTableUpdate } from '../hpack/encoder.ts';
import { HpackError } from '../hpack/hpack-error.ts';
import type { BlockPool } from './block-pool.ts';
import { Budget } from './budget.ts';
import { ClosedStreams, type Closing } from './closed-streams.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Http2Limits } from './limits.ts';
import { PeerSettings } from './peer-settings.ts';
import {
  clientPreface,
  ConnectionError,
  defaultMaxFrameSize,
  defaultWindow,
  ErrorCode,
  Flag,
  FrameType,
  maxStreamId,
  maxWindow,
  SettingId,
} from './protocol.ts';
import { requestHeadOf, trailerProblem, type RequestHead } from './request-head.ts';
import { Http2Stream, type StreamEnd, type StreamHandler, type StreamHost } from './stream.ts';

/** What a connection is built from. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly limits: Http2Limits;
  /** What is to be sent is written to these. */
  readonly blocks: BlockPool;
  /** Serves a new stream; must not throw. The stream is half-closed by the peer only after this returns. */
  readonly open: (stream: Http2Stream) => StreamHandler;
  /** The connection is over; `error` says what the peer did wrong, if it did. Called exactly once. */
  readonly closed: (error: ConnectionError | undefined) => void;
}

/**
 * preface: the client's first 24 bytes are awaited. settings: its first SETTINGS. open: frames are served.
 * leaving: a GOAWAY without a last stream is out, and a PING whose answer shows that the client has seen it.
 * left: the last stream is announced; the connection closes with it. closing: GOAWAY with an error is out or there is
 * nothing left to say, input is thrown away until the client closes. closed: the socket is gone.
 */
type State =
  | { readonly name: 'preface'; readonly got: number }
  | { readonly name: 'settings' }
  | { readonly name: 'open' }
  | { readonly name: 'leaving'; readonly sinceMs: number }
  | { readonly name: 'left'; readonly lastStreamId: number }
  | { readonly name: 'closing'; readonly sinceMs: number }
  | { readonly name: 'closed' };

/** A header block that CONTINUATION frames will complete. */
interface OpenBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly sinceMs: number;
  readonly pieces: Buffer[];
  bytes: number;
}

const tickMs = 1_000;
/** How long a closing connection may take to empty its buffers. */
const lingerMs = 2_000;
/** Unflushed bytes from which streams queue instead of writing. */
const writerHighWater = 256 * 1024;
/** Streams take turns by frames, so one must not be large even where the peer allows it. */
const largestFrame = 64 * 1024;
const headerTableSize = 4096;
const drainPing = Buffer.from('draining', 'latin1');
const alivePing = Buffer.from('areuthre', 'latin1');

/**
 * The server's side of one HTTP/2 connection (RFC 9113) on a socket that it owns from now on. Priorities are
 * ignored and nothing is pushed. Whatever the peer sends ends in an answer, a reset or a GOAWAY, never in a throw.
 *
 * In: the socket's bytes are compared with the preface, then cut into frames; each frame either changes a stream, is
 * answered, or throws a ConnectionError, which one place turns into GOAWAY and the end. A stream's own offences reset
 * it alone. Frames that cost more than they bring are paid from budgets.
 *
 * Out: everything is written to the FrameWriter, which flushes once per turn. Streams that may not send (their
 * window, the connection's, a full socket) queue their bytes themselves; `backlogged` holds all of these, `ready`
 * those that only wait for the connection, so an update of its window never visits the others.
 *
 * Time: one timer ticks each second and looks at everything that may have taken too long.
 */
export class Http2Connection implements StreamHost {
  readonly writer: FrameWriter;
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #limits: Http2Limits;
  readonly #clock: Clock;
  readonly #reader: FrameReader;
  readonly #hpack: HpackDecoder;
  readonly #peer = new PeerSettings();
  readonly #streams = new Map<number, Http2Stream>();
  readonly #recent = new ClosedStreams(1024);
  /** Streams with a backlog that their own window allows to go. */
  readonly #ready = new Set<Http2Stream>();
  /** All streams with a backlog. */
  readonly #backlogged = new Set<Http2Stream>();
  readonly #rapidResets: Budget;
  readonly #pings: Budget;
  readonly #settingsFrames: Budget;
  readonly #idleFrames: Budget;

  #state: State = { name: 'preface', got: 0 };
  #error: ConnectionError | undefined;
  #tick: Timer;
  #nowMs: number;
  #block: OpenBlock | undefined;
  #lastHead: RequestHead | undefined;
  #lastStreamId = 0;
  #sendWindow = defaultWindow;
  #receiveWindow: number;
  /** Received on the connection and not yet allowed again. */
  #unannounced = 0;
  #heldBytes = 0;
  #socketFull = false;
  /** Control bytes written since the socket last took everything. */
  #controlBytes = 0;
  #settingsSentMs: number | undefined;
  #pingSentMs: number | undefined;
  #heardMs: number;
  #busyMs: number;
  readonly #openedMs: number;

  constructor(socket: Duplex, options: ConnectionOptions) {
    const { clock, limits } = options;
    this.#socket = socket;
    this.#options = options;
    this.#limits = limits;
    this.#clock = clock;
    this.#nowMs = this.#openedMs = this.#heardMs = this.#busyMs = clock.nowMs();
    this.#receiveWindow = Math.max(defaultWindow, limits.connectionWindowBytes);
    this.#rapidResets = new Budget(limits.rapidResets, clock);
    this.#pings = new Budget(limits.pings, clock);
    this.#settingsFrames = new Budget(limits.settings, clock);
    this.#idleFrames = new Budget(limits.idleFrames, clock);
    this.#hpack = new HpackDecoder({
      maxTableSize: headerTableSize,
      maxHeaderListSize: limits.maxHeaderListBytes,
    });
    this.#reader = new FrameReader(
      { maxFrameSize: defaultMaxFrameSize, splitsData: true },
      this.#frame,
    );
    this.writer = new FrameWriter(socket, { blocks: options.blocks, flushed: this.#flushed });
    this.#tick = clock.schedule(tickMs, this.#onTick);
    socket.on('data', this.#received);
    socket.on('drain', this.#socketDrained);
    socket.on('error', this.#socketGone);
    socket.on('end', this.#peerEnded);
    socket.on('close', this.#socketGone);
    this.#greet();
  }

  /** Streams that are open. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Stops taking streams and closes when the open ones have ended, in the two steps of RFC 9113 section 6.8. */
  drain(): void {
    const { name } = this.#state;
    if (name === 'preface' || name === 'settings') {
      this.#close();
    } else if (name === 'open') {
      this.#state = { name: 'leaving', sinceMs: this.#clock.nowMs() };
      this.writer.goaway(maxStreamId, ErrorCode.noError);
      this.writer.ping(drainPing, false);
      this.writer.schedule();
    }
  }

  /** Resets what is open and closes. */
  terminate(): void {
    if (this.#state.name === 'closing' || this.#state.name === 'closed') return;
    for (const stream of [...this.#streams.values()]) this.reset(stream, ErrorCode.cancel);
    this.#goaway(ErrorCode.noError);
  }

  /** Gone at once, without a word. */
  destroy(): void {
    this.#socket.destroy();
    this.#socketGone();
  }

  // What streams ask of their connection.

  get maxFrameSize(): number {
    return Math.min(this.#peer.maxFrameSize, largestFrame);
  }

  sendWindow(): number {
    return this.#socketFull || this.writer.pendingBytes > writerHighWater ? 0 : this.#sendWindow;
  }

  sent(bytes: number): void {
    this.#sendWindow -= bytes;
    this.writer.schedule();
  }

  headers(stream: Http2Stream, block: Uint8Array, endStream: boolean): void {
    const whole = this.#peer.owesTableUpdate ? Buffer.concat([emptyTableUpdate, block]) : block;
    this.#peer.owesTableUpdate = false;
    const { maxFrameSize } = this;
    this.writer.headers(stream.id, whole, { endStream, maxFrameSize });
    this.writer.schedule();
  }

  backlog(stream: Http2Stream): void {
    if (!this.#backlogged.has(stream)) {
      stream.takeProgress();
      stream.stalledSinceMs = this.#clock.nowMs();
      this.#backlogged.add(stream);
    }
    if (stream.sendWindow > 0) this.#ready.add(stream);
  }

  consumed(stream: Http2Stream, bytes: number): void {
    stream.held -= bytes;
    this.#heldBytes -= bytes;
    stream.unannounced += bytes;
    if (!stream.remoteEnded && stream.unannounced * 2 >= this.#limits.streamWindowBytes) {
      this.writer.windowUpdate(stream.id, stream.unannounced);
      this.writer.schedule();
      stream.receiveWindow += stream.unannounced;
      stream.unannounced = 0;
    }
    this.#announceConnectionWindow();
  }

  reset(stream: Http2Stream, errorCode: number): void {
    this.writer.rstStream(stream.id, errorCode);
    this.#countControl(13);
    this.#drop(stream, 'early', { reason: 'refused', errorCode });
  }

  finished(stream: Http2Stream): void {
    // RFC 9113 section 8.1: a complete answer may ask the peer to stop sending without an error.
    if (!stream.remoteEnded) this.writer.rstStream(stream.id, ErrorCode.noError);
    this.writer.schedule();
    this.#drop(stream, stream.remoteEnded ? 'complete' : 'early', { reason: 'finished' });
  }

  // Reading.

  readonly #received = (chunk: Buffer): void => {
    if (this.#state.name === 'closing' || this.#state.name === 'closed') return;
    this.#nowMs = this.#heardMs = this.#clock.nowMs();
    try {
      const rest = this.#state.name === 'preface' ? this.#preface(chunk, this.#state.got) : chunk;
      this.#reader.push(rest);
    } catch (error) {
      this.#error =
        error instanceof ConnectionError
          ? error
          : new ConnectionError(ErrorCode.internalError, 'a fault of the server', { cause: error });
      this.#goaway(this.#error.errorCode);
    }
  };

  /** Compares the client's preface; gives what follows it. */
  #preface(chunk: Buffer, got: number): Buffer {
    const length = Math.min(chunk.length, clientPreface.length - got);
    if (chunk.compare(clientPreface, got, got + length, 0, length) !== 0)
      throw new ConnectionError(ErrorCode.protocolError, 'not an HTTP/2 client');
    const now = got + length;
    this.#state = now < clientPreface.length ? { name: 'preface', got: now } : { name: 'settings' };
    return chunk.subarray(length);
  }

  readonly #frame = (type: number, flags: number, streamId: number, payload: Buffer): boolean => {
    if (this.#block !== undefined) {
      if (type !== FrameType.continuation || streamId !== this.#block.streamId)
        throw new ConnectionError(ErrorCode.protocolError, 'a frame inside a header block');
      this.#continuation(this.#block, flags, payload);
    } else if (this.#state.name === 'settings') {
      if (type !== FrameType.settings || (flags & Flag.ack) !== 0)
        throw new ConnectionError(ErrorCode.protocolError, 'the first frame is not SETTINGS');
      this.#settings(flags, streamId, payload);
      this.#state = { name: 'open' };
    } else {
      this.#dispatch(type, flags, streamId, payload);
    }
    return this.#state.name !== 'closing' && this.#state.name !== 'closed';
  };

  #dispatch(type: number, flags: number, streamId: number, payload: Buffer): void {
    switch (type) {
      case FrameType.data:
        this.#data(flags, streamId, payload);
        break;
      case FrameType.headers:
        this.#headers(flags, streamId, payload);
        break;
      case FrameType.priority:
        this.#priority(streamId, payload);
        break;
      case FrameType.rstStream:
        this.#rstStream(streamId, payload);
        break;
      case FrameType.settings:
        this.#settings(flags, streamId, payload);
        break;
      case FrameType.ping:
        this.#ping(flags, streamId, payload);
        break;
      case FrameType.goaway:
        this.#peerGoaway(streamId, payload);
        break;
      case FrameType.windowUpdate:
        this.#windowUpdate(streamId, payload);
        break;
      case FrameType.pushPromise:
        throw new ConnectionError(ErrorCode.protocolError, 'PUSH_PROMISE from a client');
      case FrameType.continuation:
        throw new ConnectionError(ErrorCode.protocolError, 'CONTINUATION without HEADERS');
      default:
        // Section 4.1: unknown types are ignored.
        this.#idleFrame('unknown frames');
    }
  }

  #data(flags: number, streamId: number, frame: Buffer): void {
    const stream = this.#streamFor(streamId, 'DATA');
    // Padding counts for flow control (section 6.1).
    this.#receiveWindow -= frame.length;
    if (this.#receiveWindow < 0)
      throw new ConnectionError(ErrorCode.flowControlError, 'more DATA than the window');
    this.#unannounced += frame.length;
    const payload = unpadded(frame, flags);
    if (stream === undefined || stream.remoteEnded) {
      this.#announceConnectionWindow();
      this.#lateFrame(streamId, stream);
      return;
    }
    stream.receiveWindow -= frame.length;
    if (stream.receiveWindow < 0) {
      this.reset(stream, ErrorCode.flowControlError);
      return;
    }
    stream.received += payload.length;
    stream.held += frame.length;
    this.#heldBytes += frame.length;
    this.#announceConnectionWindow();
    const end = (flags & Flag.endStream) !== 0;
    if (payload.length === 0 && !end) this.#idleFrame('empty DATA frames');
    if (frame.length > payload.length) stream.consumed(frame.length - payload.length);
    if (!this.#lengthFits(stream, end)) return;
    // Known before the handler answers, so that its answer need not ask the peer to stop.
    stream.remoteEnded = end;
    if (payload.length > 0) stream.handler?.data(payload);
    if (end) stream.handler?.remoteEnd();
  }

  /** Section 8.1.1: a body of another length than announced is malformed. */
  #lengthFits(stream: Http2Stream, end: boolean): boolean {
    const expected = stream.head.contentLength;
    if (expected === undefined) return true;
    if (stream.received <= expected && !(end && stream.received < expected)) return true;
    this.reset(stream, ErrorCode.protocolError);
    return false;
  }

  #headers(flags: number, streamId: number, frame: Buffer): void {
    if (streamId === 0 || streamId % 2 === 0)
      throw new ConnectionError(ErrorCode.protocolError, 'HEADERS on a stream of ours');
    let fragment = unpadded(frame, flags);
    if ((flags & Flag.priority) !== 0) {
      if (fragment.length < 5) throw new ConnectionError(ErrorCode.protocolError, 'short HEADERS');
      checkDependency(streamId, fragment);
      fragment = fragment.subarray(5);
    }
    const endStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) {
      this.#headerBlock(streamId, fragment, endStream);
      return;
    }
    const { length: bytes } = fragment;
    this.#block = { streamId, endStream, sinceMs: this.#nowMs, pieces: [fragment], bytes };
  }

  #continuation(block: OpenBlock, flags: number, fragment: Buffer): void {
    block.bytes += fragment.length;
    const { maxContinuations, maxHeaderListBytes } = this.#limits;
    if (block.pieces.length > maxContinuations || block.bytes > maxHeaderListBytes)
      throw new ConnectionError(ErrorCode.enhanceYourCalm, 'too large a header block');
    block.pieces.push(fragment);
    if ((flags & Flag.endHeaders) === 0) return;
    this.#block = undefined;
    this.#headerBlock(block.streamId, Buffer.concat(block.pieces), block.endStream);
  }

  #headerBlock(streamId: number, block: Buffer, endStream: boolean): void {
    let headers: HeaderList;
    try {
      headers = this.#hpack.decode(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      throw new ConnectionError(ErrorCode.compressionError, error.message);
    }
    if (streamId > this.#lastStreamId) this.#request(streamId, headers, endStream);
    else this.#trailers(streamId, headers, endStream);
  }

  #request(streamId: number, headers: HeaderList, endStream: boolean): void {
    this.#lastStreamId = streamId;
    const tooMany = this.#streams.size >= this.#limits.maxConcurrentStreams;
    if (tooMany || this.#state.name === 'left') {
      this.#refuse(streamId, ErrorCode.refusedStream);
      return;
    }
    // gRPC clients report this code as RESOURCE_EXHAUSTED.
    if (headers.tooLarge) {
      this.#refuse(streamId, ErrorCode.enhanceYourCalm);
      return;
    }
    const head = this.#headOf(headers);
    if (typeof head === 'string') {
      this.#refuse(streamId, ErrorCode.protocolError);
      return;
    }
    this.#open(streamId, head, endStream);
  }

  /** Lists that are the same one come of equal header blocks. */
  #headOf(headers: HeaderList): RequestHead | string {
    if (this.#lastHead?.headers === headers) return this.#lastHead;
    const head = requestHeadOf(headers);
    if (typeof head !== 'string') this.#lastHead = head;
    return head;
  }

  #open(streamId: number, head: RequestHead, endStream: boolean): void {
    const stream = new Http2Stream(this, {
      id: streamId,
      head,
      openedAtMs: this.#nowMs,
      receiveWindow: this.#limits.streamWindowBytes,
      sendWindow: this.#peer.initialWindow,
    });
    this.#streams.set(streamId, stream);
    if (endStream && !this.#lengthFits(stream, true)) return;
    stream.remoteEnded = endStream;
    const handler = this.#options.open(stream);
    // The handler may have answered and ended already.
    if (stream.end !== undefined) handler.closed(stream.end);
    else stream.handler = handler;
    if (endStream) stream.handler?.remoteEnd();
  }

  #trailers(streamId: number, headers: HeaderList, endStream: boolean): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#lateHeaders(streamId);
    } else if (stream.remoteEnded) {
      this.reset(stream, ErrorCode.streamClosed);
    } else if (!endStream || trailerProblem(headers) !== undefined) {
      this.reset(stream, ErrorCode.protocolError);
    } else if (this.#lengthFits(stream, true)) {
      stream.remoteEnded = true;
      stream.handler?.remoteEnd();
    }
  }

  /** HEADERS on a stream that is not open any more (section 5.1, closed). */
  #lateHeaders(streamId: number): void {
    switch (this.#recent.get(streamId)) {
      case 'early':
        this.#idleFrame('HEADERS on ended streams');
        break;
      case 'reset':
        this.#refuse(streamId, ErrorCode.streamClosed);
        break;
      case 'complete':
        throw new ConnectionError(ErrorCode.streamClosed, 'HEADERS on a closed stream');
      case undefined:
        throw new ConnectionError(ErrorCode.protocolError, 'a stream id that is not new');
    }
  }

  /** DATA on a stream that the peer has ended, or that is gone. */
  #lateFrame(streamId: number, stream: Http2Stream | undefined): void {
    if (stream !== undefined) this.reset(stream, ErrorCode.streamClosed);
    else if (this.#recent.get(streamId) === 'early') this.#idleFrame('DATA on ended streams');
    else this.#refuse(streamId, ErrorCode.streamClosed);
  }

  /** Resets a stream that has no state here. */
  #refuse(streamId: number, errorCode: number): void {
    this.#idleFrame('refused streams');
    this.writer.rstStream(streamId, errorCode);
    this.#countControl(13);
    this.#recent.add(streamId, 'early');
  }

  #priority(streamId: number, payload: Buffer): void {
    if (streamId === 0) throw new ConnectionError(ErrorCode.protocolError, 'PRIORITY on stream 0');
    if (payload.length !== 5) throw new ConnectionError(ErrorCode.frameSizeError, 'PRIORITY');
    checkDependency(streamId, payload);
    this.#idleFrame('PRIORITY frames');
  }

  #rstStream(streamId: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ErrorCode.frameSizeError, 'RST_STREAM');
    const stream = this.#streamFor(streamId, 'RST_STREAM');
    // Crossed our own end of the stream.
    if (stream === undefined) return;
    const young = this.#nowMs - stream.openedAtMs < this.#limits.rapidResetAgeMs;
    if (!stream.answered && young && !this.#rapidResets.take())
      throw new ConnectionError(ErrorCode.enhanceYourCalm, 'rapid resets');
    this.#drop(stream, 'reset', { reason: 'reset', errorCode: payload.readUInt32BE(0) });
  }

  #settings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw new ConnectionError(ErrorCode.protocolError, 'SETTINGS on a stream');
    if ((flags & Flag.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError(ErrorCode.frameSizeError, 'SETTINGS ACK');
      this.#settingsSentMs = undefined;
      return;
    }
    if (!this.#settingsFrames.take())
      throw new ConnectionError(ErrorCode.enhanceYourCalm, 'too many SETTINGS');
    const before = this.#peer.initialWindow;
    this.#peer.apply(payload);
    // Before any DATA that the new windows let go.
    this.writer.settingsAck();
    this.#countControl(9);
    this.#shiftWindows(this.#peer.initialWindow - before);
  }

  /** Section 6.9.2: a new initial window changes that of every open stream. */
  #shiftWindows(change: number): void {
    if (change === 0) return;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > maxWindow)
        throw new ConnectionError(ErrorCode.flowControlError, 'INITIAL_WINDOW_SIZE');
      if (stream.queuedBytes > 0 && stream.sendWindow > 0) this.#ready.add(stream);
    }
    this.#pumpReady();
  }

  #ping(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw new ConnectionError(ErrorCode.protocolError, 'PING on a stream');
    if (payload.length !== 8) throw new ConnectionError(ErrorCode.frameSizeError, 'PING');
    if ((flags & Flag.ack) !== 0) {
      this.#pingSentMs = undefined;
      if (this.#state.name === 'leaving' && payload.equals(drainPing)) this.#leave();
      return;
    }
    if (!this.#pings.take()) throw new ConnectionError(ErrorCode.enhanceYourCalm, 'too many PINGs');
    this.writer.ping(payload, true);
    this.#countControl(17);
  }

  /** The client will open no more streams; what is open goes on. */
  #peerGoaway(streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw new ConnectionError(ErrorCode.protocolError, 'GOAWAY on a stream');
    if (payload.length < 8) throw new ConnectionError(ErrorCode.frameSizeError, 'GOAWAY');
    if (this.#state.name === 'open' || this.#state.name === 'leaving') this.#leave();
  }

  #windowUpdate(streamId: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(ErrorCode.frameSizeError, 'WINDOW_UPDATE');
    const increment = payload.readUInt32BE(0) & 0x7fffffff;
    if (streamId === 0) {
      this.#connectionWindowUpdate(increment);
      return;
    }
    const stream = this.#streamFor(streamId, 'WINDOW_UPDATE');
    if (stream === undefined) return;
    if (increment === 0) {
      this.reset(stream, ErrorCode.protocolError);
    } else if (stream.sendWindow + increment > maxWindow) {
      this.reset(stream, ErrorCode.flowControlError);
    } else {
      stream.sendWindow += increment;
      if (stream.queuedBytes === 0 || stream.sendWindow <= 0) return;
      this.#ready.add(stream);
      this.#pumpReady();
    }
  }

  #connectionWindowUpdate(increment: number): void {
    if (increment === 0) throw new ConnectionError(ErrorCode.protocolError, 'a window of 0 more');
    this.#sendWindow += increment;
    if (this.#sendWindow > maxWindow)
      throw new ConnectionError(ErrorCode.flowControlError, 'the connection window');
    this.#pumpReady();
  }

  /** The open stream a frame is for; undefined when it is closed. Throws for one that was never opened. */
  #streamFor(streamId: number, frame: string): Http2Stream | undefined {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) return stream;
    if (streamId === 0 || streamId % 2 === 0 || streamId > this.#lastStreamId)
      throw new ConnectionError(ErrorCode.protocolError, `${frame} on stream ${streamId}`);
    return undefined;
  }

  #idleFrame(what: string): void {
    if (!this.#idleFrames.take())
      throw new ConnectionError(ErrorCode.enhanceYourCalm, `too many ${what}`);
  }

  // Writing.

  #greet(): void {
    const { limits } = this.#options;
    this.writer.settings([
      [SettingId.maxConcurrentStreams, limits.maxConcurrentStreams],
      [SettingId.initialWindowSize, limits.streamWindowBytes],
      [SettingId.maxHeaderListSize, limits.maxHeaderListBytes],
    ]);
    const more = this.#receiveWindow - defaultWindow;
    if (more > 0) this.writer.windowUpdate(0, more);
    this.#settingsSentMs = this.#openedMs;
    this.writer.schedule();
  }

  /** Lets the peer send again what has come, unless paused streams hold too much already. */
  #announceConnectionWindow(): void {
    if (this.#heldBytes > this.#limits.maxHeldBytes) return;
    if (this.#unannounced * 2 < this.#limits.connectionWindowBytes) return;
    this.writer.windowUpdate(0, this.#unannounced);
    this.writer.schedule();
    this.#receiveWindow += this.#unannounced;
    this.#unannounced = 0;
  }

  /** Sends backlogs in turns of one frame each, as far as windows and socket allow. */
  #pumpReady(): void {
    while (this.#ready.size > 0 && this.sendWindow() > 0) {
      for (const stream of this.#ready) {
        if (this.sendWindow() <= 0) return;
        if (stream.pump()) continue;
        if (stream.queuedBytes > 0 && stream.sendWindow > 0) continue;
        this.#ready.delete(stream);
        if (stream.queuedBytes > 0) continue;
        this.#backlogged.delete(stream);
        stream.drained();
      }
    }
  }

  readonly #flushed = (accepted: boolean): void => {
    this.#socketFull = !accepted;
    if (!accepted) return;
    this.#controlBytes = 0;
    this.#pumpReady();
  };

  readonly #socketDrained = (): void => {
    this.#socketFull = false;
    this.#controlBytes = 0;
    this.#pumpReady();
  };

  /** Asks for a flush of a control frame; a peer that makes us write and never reads is cut off. */
  #countControl(bytes: number): void {
    this.writer.schedule();
    this.#controlBytes += bytes;
    if (this.#socketFull && this.#controlBytes > this.#limits.maxControlBytes) this.destroy();
  }

  // Time.

  readonly #onTick = (): void => {
    this.#tick = this.#clock.schedule(tickMs, this.#onTick);
    const nowMs = this.#clock.nowMs();
    const since = (startMs: number | undefined): number => nowMs - (startMs ?? nowMs);
    const { limits } = this.#options;
    const state = this.#state;
    if (this.#streams.size > 0) this.#busyMs = nowMs;
    if (state.name === 'preface' || state.name === 'settings') {
      if (since(this.#openedMs) >= limits.handshakeTimeoutMs) this.#close();
    } else if (state.name === 'closing') {
      if (since(state.sinceMs) >= lingerMs) this.destroy();
    } else if (since(this.#settingsSentMs) >= limits.settingsTimeoutMs) {
      this.#fail(ErrorCode.settingsTimeout, 'SETTINGS were not acknowledged');
    } else if (since(this.#block?.sinceMs) >= limits.headerBlockTimeoutMs) {
      this.#fail(ErrorCode.enhanceYourCalm, 'a header block takes too long');
    } else if (since(this.#pingSentMs) >= limits.keepAliveTimeoutMs) {
      this.destroy();
    } else {
      // A client that never answers the ping has had time enough to see the first GOAWAY.
      if (state.name === 'leaving' && since(state.sinceMs) >= lingerMs) this.#leave();
      if (since(this.#busyMs) >= limits.idleTimeoutMs) this.drain();
      this.#probe(nowMs);
      this.#resetStalled(nowMs);
    }
  };

  #probe(nowMs: number): void {
    if (this.#pingSentMs !== undefined && this.#heardMs > this.#pingSentMs)
      this.#pingSentMs = undefined;
    if (this.#pingSentMs !== undefined) return;
    if (nowMs - this.#heardMs < this.#limits.keepAliveAfterMs) return;
    this.#pingSentMs = nowMs;
    this.writer.ping(alivePing, false);
    this.writer.schedule();
  }

  #resetStalled(nowMs: number): void {
    for (const stream of this.#backlogged) {
      if (stream.takeProgress()) stream.stalledSinceMs = nowMs;
      else if (nowMs - stream.stalledSinceMs >= this.#limits.stalledStreamTimeoutMs)
        this.reset(stream, ErrorCode.cancel);
    }
  }

  // Ending.

  #drop(stream: Http2Stream, how: Closing, end: StreamEnd): void {
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
    this.#backlogged.delete(stream);
    this.#recent.add(stream.id, how);
    this.#heldBytes -= stream.held;
    stream.held = 0;
    stream.close(end);
    this.#announceConnectionWindow();
    if (this.#state.name === 'left' && this.#streams.size === 0) this.#close();
  }

  /** Second step of the drain: streams up to the newest are served, later ones refused. */
  #leave(): void {
    this.#state = { name: 'left', lastStreamId: this.#lastStreamId };
    this.writer.goaway(this.#lastStreamId, ErrorCode.noError);
    this.writer.schedule();
    if (this.#streams.size === 0) this.#close();
  }

  #fail(errorCode: number, message: string): void {
    this.#error = new ConnectionError(errorCode, message);
    this.#goaway(errorCode);
  }

  #goaway(errorCode: number): void {
    if (this.#state.name === 'closing' || this.#state.name === 'closed') return;
    this.writer.goaway(this.#lastStreamId, errorCode);
    this.#close();
  }

  /** Flushes, says it is done and waits a little for the peer to say the same. */
  #close(): void {
    if (this.#state.name === 'closing' || this.#state.name === 'closed') return;
    this.#state = { name: 'closing', sinceMs: this.#clock.nowMs() };
    this.#dropAll();
    this.writer.flush();
    this.#socket.end();
  }

  readonly #peerEnded = (): void => {
    this.#close();
  };

  readonly #socketGone = (): void => {
    if (this.#state.name === 'closed') return;
    this.#state = { name: 'closed' };
    this.#tick.cancel();
    this.writer.cancel();
    this.#dropAll();
    this.#options.closed(this.#error);
  };

  #dropAll(): void {
    for (const stream of [...this.#streams.values()])
      this.#drop(stream, 'early', { reason: 'connection-lost' });
  }
}

/** The payload without its padding (section 6.1). */
function unpadded(frame: Buffer, flags: number): Buffer {
  if ((flags & Flag.padded) === 0) return frame;
  const padding = frame[0];
  if (padding === undefined || padding >= frame.length)
    throw new ConnectionError(ErrorCode.protocolError, 'more padding than frame');
  return frame.subarray(1, frame.length - padding);
}

/** Section 5.3.1 of RFC 7540, which clients and test suites still go by. */
function checkDependency(streamId: number, priority: Buffer): void {
  if ((priority.readUInt32BE(0) & 0x7fffffff) === streamId)
    throw new ConnectionError(ErrorCode.protocolError, 'a stream that depends on itself');
}
