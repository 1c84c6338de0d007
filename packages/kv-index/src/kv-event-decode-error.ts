// SPDX-License-Identifier: Apache-2.0

/** Why a payload of KV events could not be read. */
export class KvEventDecodeError extends Error {
  readonly code = 'KV_EVENT_DECODE';
  /** Byte of the payload where reading stopped. */
  readonly offset: number;
  /** What should have been there. */
  readonly expected: string;

  constructor(offset: number, expected: string, found: string) {
    super(`expected ${expected} at byte ${offset}, found ${found}`);
    this.name = 'KvEventDecodeError';
    this.offset = offset;
    this.expected = expected;
  }
}

/** The bytes are not MessagePack, or end too soon: nothing after this place can be trusted. */
export class KvEventDamageError extends KvEventDecodeError {
  constructor(offset: number, expected: string, found: string) {
    super(offset, expected, found);
    this.name = 'KvEventDamageError';
  }
}
