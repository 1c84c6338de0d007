// SPDX-License-Identifier: Apache-2.0

/** A model of a `/v1/models` answer. Members beyond the id are kept as they came. */
export interface ModelEntry {
  readonly id: string;
  readonly [member: string]: unknown;
}

/** The answer of `/v1/models`. */
export interface ModelList {
  readonly object: 'list';
  readonly data: readonly ModelEntry[];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isModelEntry(value: unknown): value is ModelEntry {
  return isRecord(value) && typeof value['id'] === 'string' && value['id'] !== '';
}

/**
 * Reads what a server answered to `/v1/models`, parsed or as text: entries without an id are left out, and whatever
 * is no list of models has none. Never throws.
 */
export function readModelList(answer: unknown): readonly ModelEntry[] {
  const parsed =
    typeof answer === 'string' || answer instanceof Uint8Array ? parseJson(answer) : answer;
  const data = isRecord(parsed) && !Array.isArray(parsed) ? parsed['data'] : parsed;
  return Array.isArray(data) ? data.filter(isModelEntry) : [];
}

function parseJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : new TextDecoder().decode(text));
  } catch {
    return undefined;
  }
}

/** One list of all models, each id once: where several lists have it, as the first one has it, in the order met. */
export function mergeModelLists(lists: Iterable<readonly ModelEntry[]>): ModelList {
  const byId = new Map<string, ModelEntry>();
  for (const list of lists) {
    for (const entry of list) if (!byId.has(entry.id)) byId.set(entry.id, entry);
  }
  return { object: 'list', data: [...byId.values()] };
}
