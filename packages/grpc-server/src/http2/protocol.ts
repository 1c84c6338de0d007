// SPDX-License-Identifier: Apache-2.0

/** What a client sends first (RFC 9113 section 3.4). */
export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const frameHeaderLength = 9;

/** SETTINGS_MAX_FRAME_SIZE and SETTINGS_INITIAL_WINDOW_SIZE before anyone said otherwise. */
export const defaultMaxFrameSize = 16_384;
export const defaultWindow = 65_535;
export const maxWindow = 2 ** 31 - 1;
export const maxStreamId = 2 ** 31 - 1;

/** RFC 9113 section 6. */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = {
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** RFC 9113 section 7. */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

/** RFC 9113 section 6.5.2. */
export const SettingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** The peer broke the protocol; the whole connection ends with a GOAWAY of this code (RFC 9113 section 5.4.1). */
export class ConnectionError extends Error {
  readonly code = 'HTTP2_CONNECTION';
  readonly errorCode: number;
  constructor(errorCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectionError';
    this.errorCode = errorCode;
  }
}
