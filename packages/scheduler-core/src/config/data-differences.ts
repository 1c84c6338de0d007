// SPDX-License-Identifier: Apache-2.0

/** A value that one of two pieces of plain data has and the other has not. */
export interface DataDifference {
  /** As `parameters.engines[2].name`; empty for the whole. */
  readonly path: string;
  /** Undefined where it is absent. */
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * Where two pieces of plain data (objects, arrays, scalars) differ, as deep down as they can be compared. A field that is
 * undefined counts as absent, and the order of fields does not matter. What is no plain data is compared by identity.
 */
export function dataDifferences(before: unknown, after: unknown): readonly DataDifference[] {
  const found: DataDifference[] = [];
  compare(before, after, '', found);
  return found;
}

function compare(before: unknown, after: unknown, path: string, found: DataDifference[]): void {
  if (Object.is(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      compare(before[i], after[i], `${path}[${i}]`, found);
    }
  } else if (isRecord(before) && isRecord(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], path === '' ? key : `${path}.${key}`, found);
    }
  } else {
    found.push({ path, before, after });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
