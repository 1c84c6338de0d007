// SPDX-License-Identifier: Apache-2.0

/** JSON with the fields of objects in order: the same text for the same value. */
export const canonical = (value: unknown): string =>
  // A field that is undefined is no field in JSON; a value that is, is none either.
  JSON.stringify(value ?? null, (_, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([x], [y]) => (x < y ? -1 : 1)))
      : field,
  );

/** Whether two values that came from JSON are the same. */
export const isEqual = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);
