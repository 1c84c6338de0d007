// SPDX-License-Identifier: Apache-2.0
import { isControlHeader } from '@llm-d/endpoint-picker';

type Headers = NodeJS.Dict<string | string[]>;

/** Headers that concern one connection only (RFC 9110 §7.6.1), and those that the gateway sets itself. */
const PER_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  'content-length',
  'expect',
]);

const NONE: ReadonlySet<string> = new Set();

/** Further names that `connection` declares to concern the connection only; nearly always none. */
function namedByConnection({ connection }: Headers): ReadonlySet<string> {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close')
    return NONE;
  return new Set(
    String(connection)
      .toLowerCase()
      .split(/[\s,]+/),
  );
}

/**
 * What of a client's request heads is believed: neither control headers, nor HTTP/2's pseudo headers, nor what concerns
 * its connection. Values of repeated headers are joined by a comma.
 */
export function trustedHeaders(headers: Headers): Map<string, string> {
  const trusted = new Map<string, string>();
  const hop = namedByConnection(headers);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.startsWith(':')) continue;
    if (PER_CONNECTION.has(name) || hop.has(name) || isControlHeader(name)) continue;
    trusted.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return trusted;
}

/** What of a server's answer heads reaches the client. The answer's length stays: its bytes are not changed. */
export function answerHeaders(headers: Headers): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  const hop = namedByConnection(headers);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.startsWith(':')) continue;
    if (name !== 'content-length' && (PER_CONNECTION.has(name) || hop.has(name))) continue;
    kept[name] = value;
  }
  return kept;
}
