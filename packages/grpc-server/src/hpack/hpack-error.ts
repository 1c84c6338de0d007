// SPDX-License-Identifier: Apache-2.0

/** A header block that RFC 7541 does not allow. The decoder's table is unusable afterwards, so the connection must end. */
export class HpackError extends Error {
  readonly code = 'HPACK_DECODING';
  constructor(message: string) {
    super(message);
    this.name = 'HpackError';
  }
}
