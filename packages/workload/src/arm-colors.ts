// SPDX-License-Identifier: Apache-2.0

/** Told apart by people with any colour vision, on white (Okabe and Ito, yellow left out). */
const PALETTE = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#4d4d4d'];

/** A colour for each arm, by its place; beyond seven they come round again. */
export function armColors(names: readonly string[]): readonly string[] {
  return names.map((_, i) => PALETTE[i % PALETTE.length] ?? '#4d4d4d');
}
