// SPDX-License-Identifier: Apache-2.0
import type { HeaderWriter } from '@llm-d/scheduler-core';

const NONE: ReadonlySet<string> = new Set();

/** Collects what plugins change about a request's headers; the last word on a name counts. */
export class HeaderChanges implements HeaderWriter {
  readonly #set = new Map<string, string>();
  #removed: Set<string> | undefined;

  /** Headers to be sent with the request, whatever it came with. */
  get added(): ReadonlyMap<string, string> {
    return this.#set;
  }

  /** Headers that must not be sent on, where the request came with them. */
  get removed(): ReadonlySet<string> {
    return this.#removed ?? NONE;
  }

  set(name: string, value: string): this {
    this.#removed?.delete(name);
    this.#set.set(name, value);
    return this;
  }

  delete(name: string): boolean {
    (this.#removed ??= new Set()).add(name);
    return this.#set.delete(name);
  }
}
