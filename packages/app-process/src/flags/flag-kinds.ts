// SPDX-License-Identifier: Apache-2.0
import { parseGoDuration, parseQuantity } from '@llm-d/scheduler-core';
import { FlagValueError, type Flag } from './go-flags.ts';

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** On or off. */
export const onOff = (initial: boolean, help: string): Flag<boolean> => ({
  kind: 'switch',
  default: initial,
  defaultText: initial ? 'true' : '',
  placeholder: '',
  help,
  parse: (text) => {
    if (TRUE.has(text)) return true;
    if (FALSE.has(text)) return false;
    throw new FlagValueError('expected true or false');
  },
});

const value = <T>(
  flag: Pick<Flag<T>, 'default' | 'defaultText' | 'placeholder' | 'help' | 'parse'>,
): Flag<T> => ({ kind: 'value', ...flag });

/** Any text. */
export const text = (initial: string, placeholder: string, help: string): Flag<string> =>
  value({ default: initial, defaultText: initial, placeholder, help, parse: (given) => given });

/** One of a few words; the first one is the default. */
export const oneOf = <const W extends string>(words: readonly [W, ...W[]], help: string): Flag<W> =>
  value<W>({
    default: words[0],
    defaultText: words[0],
    placeholder: words.join('|'),
    help,
    parse: (given) => {
      const word = words.find((candidate) => candidate === given);
      if (word === undefined) throw new FlagValueError(`expected one of ${words.join(', ')}`);
      return word;
    },
  });

/** A whole number within limits. */
export const wholeNumber = (
  initial: number,
  limits: { readonly least: number; readonly most?: number },
  help: string,
): Flag<number> =>
  value({
    default: initial,
    defaultText: String(initial),
    placeholder: 'number',
    help,
    parse: (given) => parseWhole(given, limits),
  });

/** A TCP port; 0 lets the system choose. */
export const port = (initial: number, help: string): Flag<number> => ({
  ...wholeNumber(initial, { least: 0, most: 65_535 }, help),
  placeholder: 'port',
});

/** Several ports, separated by commas; giving the flag again adds to them. Duplicates are dropped. */
export const ports = (help: string): Flag<readonly number[]> =>
  value<readonly number[]>({
    default: [],
    defaultText: '',
    placeholder: 'port,port,...',
    help,
    parse: (given, before) => [
      ...new Set([
        ...before,
        ...given.split(',').map((part) => parseWhole(part, { least: 1, most: 65_535 })),
      ]),
    ],
  });

/** Words out of a few, separated by commas; giving the flag again adds to them. Duplicates are dropped. */
export const wordsOf = <const W extends string>(
  words: readonly [W, ...W[]],
  help: string,
): Flag<readonly W[]> =>
  value<readonly W[]>({
    default: [],
    defaultText: '',
    placeholder: `${words.join('|')},...`,
    help,
    parse: (given, before) => {
      const found = given.split(',').map((part) => {
        const word = words.find((candidate) => candidate === part.trim());
        if (word === undefined) throw new FlagValueError(`expected some of ${words.join(', ')}`);
        return word;
      });
      return [...new Set([...before, ...found])];
    },
  });

/** Texts, separated by commas; giving the flag again adds to them. Empty ones are dropped. */
export const texts = (placeholder: string, help: string): Flag<readonly string[]> =>
  value<readonly string[]>({
    default: [],
    defaultText: '',
    placeholder: `${placeholder},...`,
    help,
    parse: (given, before) => [
      ...before,
      ...given
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ],
  });

/** A Go duration such as 50ms or 1m30s; its value is in milliseconds. */
export const duration = (
  initial: string,
  limits: { readonly leastMs: number },
  help: string,
): Flag<number> =>
  value({
    default: parseGoDuration(initial) ?? 0,
    defaultText: initial,
    placeholder: 'duration',
    help,
    parse: (given) => {
      const ms = parseGoDuration(given);
      if (ms === undefined) throw new FlagValueError('expected a duration such as 50ms or 1m30s');
      if (ms < limits.leastMs) throw new FlagValueError(`expected at least ${limits.leastMs} ms`);
      return ms;
    },
  });

/** A size such as 10MiB, 25MB, 4Mi or a number of bytes; undefined unless it is given. */
export const size = (help: string): Flag<number | undefined> =>
  value<number | undefined>({
    default: undefined,
    defaultText: '',
    placeholder: 'size',
    help,
    parse: (given) => {
      const bytes = parseQuantity(given.replace(/(?<=[a-zA-Z\d])B$/, ''));
      if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes < 0) {
        throw new FlagValueError('expected a size such as 10MiB or 25MB');
      }
      return bytes;
    },
  });

/** A flag of former versions. */
export const retired = (insteadOfIt: string): Flag<string> => ({
  ...text('', 'text', ''),
  retired: insteadOfIt,
});

function parseWhole(
  given: string,
  { least, most = Number.MAX_SAFE_INTEGER }: { readonly least: number; readonly most?: number },
): number {
  const number = Number(given);
  if (!/^[-+]?\d+$/.test(given) || number < least || number > most) {
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
    throw new FlagValueError(`expected a whole number from ${least}${upTo}`);
  }
  return number;
}
