// SPDX-License-Identifier: Apache-2.0

/** Below 0 when `a` comes first. Deadlines may be Infinity, whose difference is no number. */
export const compareDeadlines = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
