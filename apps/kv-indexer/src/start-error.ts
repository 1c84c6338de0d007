// SPDX-License-Identifier: Apache-2.0

/** A port that cannot be listened on. */
export class ListenError extends Error {
  readonly code = 'LISTEN';
  /** The flag that sets the port. */
  readonly flag: string;
  readonly port: number;
  constructor(flag: string, port: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`cannot listen on port ${port}: ${why}; see ${flag} and --host`, { cause });
    this.name = 'ListenError';
    this.flag = flag;
    this.port = port;
  }
}

/** A file named by a flag that cannot be read. */
export class FileError extends Error {
  readonly code = 'FILE';
  readonly path: string;
  constructor(flag: string, path: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${flag} ${path}: ${why}`, { cause });
    this.name = 'FileError';
    this.path = path;
  }
}

/** Codes of errors that say what an operator must change, and the flag where the error does not name it. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['LISTEN', ''],
  ['FILE', ''],
  ['KV_BUS_UNREACHABLE', '; see --nats-url'],
  ['KV_BUS_UNAUTHORIZED', '; see NATS_USER, NATS_PASSWORD, NATS_TOKEN and --nats-creds'],
  ['KV_BUS_UNFIT', '; see --nats-stream'],
  ['KV_REDIS_CONNECT', '; see --redis-url'],
  ['KV_REDIS_LAYOUT', '; see --redis-namespace'],
]);

/** What an operator should read about a failed start; undefined for errors that are bugs. */
export function startError(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const advice = KNOWN.get(String(error.code));
  return advice === undefined ? undefined : `${error.message}${advice}`;
}
