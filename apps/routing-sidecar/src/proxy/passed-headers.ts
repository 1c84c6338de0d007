// SPDX-License-Identifier: Apache-2.0
import { routingHeaderNames } from '../routing/routing-headers.ts';
import type { Leg } from '../connectors/connector.ts';

/** Headers that concern one connection only (RFC 9110 §7.6.1), and those that are set anew for every connection. */
const PER_CONNECTION: ReadonlySet<string> = new Set([
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
  'expect',
]);

const NONE: ReadonlySet<string> = new Set();

/** Further names that `connection` declares to concern the connection only; nearly always none. */
function namedByConnection(value: string | undefined): ReadonlySet<string> {
  if (value === undefined || value === 'keep-alive' || value === 'close') return NONE;
  return new Set(value.toLowerCase().split(/[\s,]+/));
}

/**
 * A client's heads as an engine gets them: name and value in turn, in the client's order and spelling, without what concerns
 * its connection, its body's length, and what only the sidecar reads.
 */
export function passedHeaders(
  rawHeaders: readonly string[],
  connection: string | undefined,
): readonly string[] {
  const hop = namedByConnection(connection);
  const passed: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const lower = name.toLowerCase();
    if (PER_CONNECTION.has(lower) || lower === 'content-length' || hop.has(lower)) continue;
    if (routingHeaderNames.has(lower)) continue;
    passed.push(name, rawHeaders[at + 1] ?? '');
  }
  return passed;
}

/** The heads of a leg. Where its answer is read here it must not be compressed. */
export function legHeaders(
  passed: readonly string[],
  { adds = [], sets = [] }: Pick<Leg, 'adds' | 'sets'>,
  { isRead }: { readonly isRead: boolean },
): string[] {
  if (adds.length === 0 && sets.length === 0 && !isRead) return [...passed];
  const replaced = new Set(sets.map(([name]) => name));
  if (isRead) replaced.add('accept-encoding');
  const headers: string[] = [];
  for (let at = 0; at + 1 < passed.length; at += 2) {
    const name = passed[at] ?? '';
    if (!replaced.has(name.toLowerCase())) headers.push(name, passed[at + 1] ?? '');
  }
  for (const [name, value] of [...sets, ...adds]) headers.push(name, value);
  return headers;
}

/** A server's heads as the client gets them. `keepsLength` says that not a byte of the answer changes. */
export function answerHeaders(
  headers: NodeJS.Dict<string | string[]>,
  { keepsLength }: { readonly keepsLength: boolean },
): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  const { connection } = headers;
  const hop = namedByConnection(connection === undefined ? undefined : String(connection));
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || PER_CONNECTION.has(name) || hop.has(name)) continue;
    if (name === 'content-length' && !keepsLength) continue;
    kept[name] = value;
  }
  return kept;
}
