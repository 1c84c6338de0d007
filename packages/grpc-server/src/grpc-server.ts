// SPDX-License-Identifier: Apache-2.0
import type { Metadata, MetadataEntries } from './grpc/metadata.ts';
import type { Status } from './grpc/status.ts';

/**
 * Why a stream is over. `finished`: our status has been handed to the transport. `reset`: the client reset it; proxies
 * do so with streams they no longer need, so whether that is a cancellation is for the protocol above to say.
 * `refused`: the server reset it, for an offence or a stall of the client or in a forced shutdown. `deadline`: the
 * client's time ran out; it was told so. `connection-lost`: the connection ended first.
 */
export interface StreamClose {
  readonly reason: 'finished' | 'reset' | 'refused' | 'deadline' | 'connection-lost';
  /** HTTP/2 error code of a reset, where the transport tells it. */
  readonly errorCode?: number;
}

/**
 * What the server side of a call wants to hear. Calls come one after the other, never after `onClose`, and
 * `onClose` comes exactly once, perhaps before the call that ended the stream returns. What throws ends the stream
 * with INTERNAL.
 */
export interface GrpcStreamListener {
  /** A message. It may be a view of a larger buffer: copy it to keep it for long. */
  onMessage?(message: Buffer): void;
  /** The client will send no more messages. */
  onHalfClose?(): void;
  /** After `send` gave false: everything has left, and more may be sent. */
  onDrain?(): void;
  onClose?(close: StreamClose): void;
}

/** The server side of one call. */
export interface GrpcStream {
  /** Path of the method, `/package.Service/Method`. */
  readonly method: string;
  /** As the client sent it; proxies put names there that are no URI authority. */
  readonly authority: string;
  readonly metadata: Metadata;
  /** Aborts when the stream is over, for whatever reason. */
  readonly signal: AbortSignal;
  /**
   * Sends a message, in one piece or as parts that belong together. The bytes must not change afterwards.
   * False: some of it waits; hold further messages back until `onDrain`. On a stream that is over it does nothing.
   */
  send(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** Stops `onMessage` and `onHalfClose`; the client may send no more than its window. */
  pause(): void;
  /** Undoes `pause`; messages that waited come before this returns. */
  resume(): void;
  /**
   * Ends the stream after everything sent. Only the first call counts.
   * Throws {@link InvalidMetadataError} for trailers that cannot be sent.
   */
  end(status: Status, message?: string, trailers?: MetadataEntries): void;
}

/** Serves one call; hands back who listens to it. */
export type GrpcHandler = (stream: GrpcStream) => GrpcStreamListener;

/** A certificate chain and its key, PEM. */
export interface TlsCertificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** What a TLS handshake must agree on. */
export interface TlsPolicy {
  /** Lowest version that is accepted. Default 1.2. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Cipher suites in OpenSSL's notation. Default Node's. */
  readonly ciphers?: string | undefined;
}

/** Where to listen. */
export interface ListenOptions {
  /** Default: every address. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Speak TLS, with HTTP/2 by ALPN. Default: plaintext with prior knowledge. */
  readonly tls?: TlsCertificate;
  /** With `tls`, what clients must be able to. Rejects where the transport cannot ask for it. Default: its own. */
  readonly tlsPolicy?: TlsPolicy;
}

/** A gRPC server, whatever it is made of. */
export interface GrpcServer {
  /** Serves a method; before `listen`. Methods without a handler answer UNIMPLEMENTED. */
  handle(method: string, handler: GrpcHandler): void;
  /** Resolves when connections are accepted; rejects when the port cannot be had. Once per server. */
  listen(options: ListenOptions): Promise<{ readonly port: number }>;
  /** Uses another certificate for connections from now on. Throws when it does not fit its key or there is no TLS. */
  setCertificate(certificate: TlsCertificate): void;
  /**
   * Accepts nothing new, lets open streams end and tells clients to go elsewhere. What is open after `timeoutMs` is
   * reset. Resolves when every connection is closed.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}
