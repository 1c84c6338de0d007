// SPDX-License-Identifier: Apache-2.0

/** What somebody can do about a {@link KvBusError}. */
export type KvBusErrorCode =
  /** No server answered in time: try again later, or look at the address. */
  | 'KV_BUS_UNREACHABLE'
  /** The server does not let us in, or not there. */
  | 'KV_BUS_UNAUTHORIZED'
  /** What the server keeps messages in cannot serve as a bus: look at `message`, change it or take another name. */
  | 'KV_BUS_UNFIT'
  /** This one message will never be taken, such as one that is too large. */
  | 'KV_BUS_REFUSED'
  /** The bus was closed on this side. */
  | 'KV_BUS_CLOSED';

/** A bus does not do what was asked of it. */
export class KvBusError extends Error {
  readonly code: KvBusErrorCode;
  constructor(code: KvBusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KvBusError';
    this.code = code;
  }
}
