// SPDX-License-Identifier: Apache-2.0

/** A server that a header names. */
export interface Target {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host:port`, an IPv6 address in brackets; equal targets have equal texts. */
  readonly hostPort: string;
}

/**
 * Reads `host:port` or `[IPv6]:port`; `http://` in front is overlooked, as llm-d does. Undefined for anything else: what
 * follows the port would become part of a URL.
 */
export function parseTarget(text: string): Target | undefined {
  const bare = text.trim().replace(/^http:\/\//i, '');
  const match =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?)):(\d{1,5})$/.exec(bare);
  if (match === null) return undefined;
  const host = (match[1] ?? match[2] ?? '').toLowerCase();
  const port = Number(match[4]);
  if (port < 1 || port > 65_535) return undefined;
  return { host, port, hostPort: hostPortOf(host, port) };
}

/** `host:port`, an IPv6 address in brackets. */
export const hostPortOf = (host: string, port: number): string =>
  host.includes(':') ? `[${host.toLowerCase()}]:${port}` : `${host.toLowerCase()}:${port}`;
