// SPDX-License-Identifier: Apache-2.0

/** Why a Redis could not be opened. */
export type KvRedisConnectReason =
  /** It does not know the user or password, or wants one. */
  | 'credentials'
  /** Nobody answers there, or not in time. */
  | 'unreachable'
  /** The address cannot be read. */
  | 'address';

/** No connection to begin with. Later losses are waited out. */
export class KvRedisConnectError extends Error {
  readonly code = 'KV_REDIS_CONNECT';
  readonly reason: KvRedisConnectReason;
  readonly address: string;
  constructor(reason: KvRedisConnectReason, address: string, options: ErrorOptions = {}) {
    const detail = options.cause instanceof Error ? `: ${options.cause.message}` : '';
    super(`Redis at ${address} cannot be used (${reason})${detail}`, options);
    this.name = 'KvRedisConnectError';
    this.reason = reason;
    this.address = address;
  }
}

/** The rows cannot be read or written now; trying again later may help. */
export class KvRedisUnavailableError extends Error {
  readonly code = 'KV_REDIS_UNAVAILABLE';
  /** `unreachable`: Redis does not answer. `empty`: nobody has written the namespace. */
  readonly reason: 'unreachable' | 'empty';
  readonly namespace: string;
  constructor(reason: 'unreachable' | 'empty', namespace: string, options: ErrorOptions = {}) {
    const detail = options.cause instanceof Error ? `: ${options.cause.message}` : '';
    super(`the KV rows "${namespace}" in Redis are unavailable (${reason})${detail}`, options);
    this.name = 'KvRedisUnavailableError';
    this.reason = reason;
    this.namespace = namespace;
  }
}

/** What is in Redis, or Redis itself, does not fit together with what is asked: it will not get better by waiting. */
export class KvRedisLayoutError extends Error {
  readonly code = 'KV_REDIS_LAYOUT';
  readonly namespace: string;
  constructor(problem: string, namespace: string) {
    super(problem);
    this.name = 'KvRedisLayoutError';
    this.namespace = namespace;
  }
}
