// SPDX-License-Identifier: Apache-2.0

/** A question that cannot be understood; the message begins with the field that is wrong. */
export class RequestError extends Error {
  readonly code = 'REQUEST';
  /** Such as `token_ids[3]`; `body` for the whole. */
  readonly field: string;
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = 'RequestError';
    this.field = field;
  }
}

/** Why tokens of a text cannot be had. */
export type NoTokensReason =
  /** Nobody was named who could make them. */
  | 'not-configured'
  /** The one who makes them says that the request is wrong. */
  | 'refused'
  /** No answer, or none that is of use. */
  | 'unavailable';

/** A question about a text that nobody turns into tokens. */
export class NoTokensError extends Error {
  readonly code = 'NO_TOKENS';
  readonly reason: NoTokensReason;
  constructor(reason: NoTokensReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NoTokensError';
    this.reason = reason;
  }
}

/** The index does not know enough yet to be asked. */
export class NotReadyError extends Error {
  readonly code = 'NOT_READY';
  constructor(why: string) {
    super(why);
    this.name = 'NotReadyError';
  }
}
