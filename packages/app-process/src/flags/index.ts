// SPDX-License-Identifier: Apache-2.0
export { describeFlags, FlagError, FlagValueError, parseFlags } from './go-flags.ts';
export {
  duration,
  onOff,
  oneOf,
  port,
  ports,
  retired,
  size,
  text,
  texts,
  wholeNumber,
  wordsOf,
} from './flag-kinds.ts';

export type { Flag, FlagTable, FlagValues, ParsedFlags } from './go-flags.ts';
