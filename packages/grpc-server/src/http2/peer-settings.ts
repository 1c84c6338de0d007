// SPDX-License-Identifier: Apache-2.0
import {
  ConnectionError,
  defaultMaxFrameSize,
  defaultWindow,
  ErrorCode,
  maxWindow,
  SettingId,
} from './protocol.ts';

const defaultHeaderTableSize = 4096;

/** What the peer allows us, as far as a server cares. */
export class PeerSettings {
  initialWindow = defaultWindow;
  maxFrameSize = defaultMaxFrameSize;
  /** The peer's table became smaller than the default; it must hear a size update before our next header block. */
  owesTableUpdate = false;

  /** Applies a SETTINGS payload in order. Throws {@link ConnectionError}. */
  apply(payload: Buffer): void {
    if (payload.length % 6 !== 0)
      throw new ConnectionError(ErrorCode.frameSizeError, 'a SETTINGS frame of odd length');
    for (let at = 0; at < payload.length; at += 6)
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  }

  #set(id: number, value: number): void {
    if (id === SettingId.headerTableSize) {
      if (value < defaultHeaderTableSize) this.owesTableUpdate = true;
    } else if (id === SettingId.enablePush) {
      if (value > 1) throw new ConnectionError(ErrorCode.protocolError, 'ENABLE_PUSH');
    } else if (id === SettingId.initialWindowSize) {
      if (value > maxWindow)
        throw new ConnectionError(ErrorCode.flowControlError, 'INITIAL_WINDOW_SIZE');
      this.initialWindow = value;
    } else if (id === SettingId.maxFrameSize) {
      if (value < defaultMaxFrameSize || value > 2 ** 24 - 1)
        throw new ConnectionError(ErrorCode.protocolError, 'MAX_FRAME_SIZE');
      this.maxFrameSize = value;
    }
  }
}
