// SPDX-License-Identifier: Apache-2.0
import type { HeaderMap, HeaderValueOptionInit } from '@llm-d/protos';

/**
 * Headers by lower-case name, values of repeated ones joined by a comma. A value is where the proxy put it: in
 * `raw_value`, or in `value` as old ones do.
 */
export function readHeaders(message: HeaderMap | null | undefined): Map<string, string> {
  const headers = new Map<string, string>();
  for (const { key, value, rawValue } of message?.headers ?? []) {
    const name = key.toLowerCase();
    const text = rawValue.length > 0 ? textOf(rawValue) : value;
    const before = headers.get(name);
    headers.set(name, before === undefined ? text : `${before}, ${text}`);
  }
  return headers;
}

const textOf = (bytes: Uint8Array): string =>
  // A decoded message's bytes are a Buffer already.
  (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)).toString();

/** A header to be set in place of what the message has under that name. */
export const setHeader = (key: string, value: string): HeaderValueOptionInit => ({
  header: { key, rawValue: Buffer.from(value) },
});
