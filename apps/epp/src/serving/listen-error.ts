// SPDX-License-Identifier: Apache-2.0

/** A port that cannot be listened on. */
export class ListenError extends Error {
  readonly code = 'LISTEN';
  /** The flag that sets the port. */
  readonly flag: string;
  readonly port: number;
  constructor(flag: string, port: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`cannot listen on port ${port}: ${why}; see ${flag} and --bind-address`, { cause });
    this.name = 'ListenError';
    this.flag = flag;
    this.port = port;
  }
}
