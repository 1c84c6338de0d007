// SPDX-License-Identifier: Apache-2.0

/** Label names with their values, in the order in which they are written. */
export type LabelPairs = readonly (readonly [name: string, value: string])[];

/** The inside of the braces of a series: `a="x",b="y"`. */
export const labelText = (pairs: LabelPairs): string =>
  pairs.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(',');

/** A HELP text on one line. */
export const escapeHelp = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const escapeValue = (value: string): string => escapeHelp(value).replaceAll('"', '\\"');
