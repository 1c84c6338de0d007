// SPDX-License-Identifier: Apache-2.0
import type { HeaderValueOptionInit } from '@llm-d/protos';

/** Headers by lower-case name, out of names and values in turns; values of repeated ones are joined by a comma. */
export function readHeaders(list: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] ?? '').toLowerCase();
    const value = list[i + 1] ?? '';
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** A header to be set in place of what the message has under that name. */
export const setHeader = (key: string, value: string): HeaderValueOptionInit => ({
  header: { key, rawValue: Buffer.from(value) },
});
