// SPDX-License-Identifier: Apache-2.0

/** One flag of a program, with the type of its value. */
export interface Flag<T> {
  /** `switch` flags stand alone or with `=true` and `=false`, and never take the next argument. */
  readonly kind: 'switch' | 'value';
  readonly default: T;
  /** The default as help shows it; empty for none. */
  readonly defaultText: string;
  /** What stands for the value in help. */
  readonly placeholder: string;
  readonly help: string;
  /** Takes a value in, given what the flag had before; throws {@link FlagValueError}. */
  parse(text: string, before: T): T;
  /** Refused where it is given, with this text, which says what to use instead. */
  readonly retired?: string;
}

/** Flags by their name without dashes; a name of one letter has one dash. */
export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

export type FlagValues<T extends FlagTable> = {
  readonly [K in keyof T]: T[K] extends Flag<infer V> ? V : never;
};

/** What a command line says. */
export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>;
  /** Flags that were given, whatever their values are. */
  readonly given: ReadonlySet<string>;
}

/** A value that a flag does not take. */
export class FlagValueError extends Error {
  readonly code = 'FLAG_VALUE';
}

/** A command line that cannot be obeyed; the message names the argument. */
export class FlagError extends Error {
  readonly code = 'FLAG';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FlagError';
  }
}

/**
 * Reads a command line as Go's pflag does: `--name=value`, `--name value`, switches without a value, `-v 4`, `-v=4` and
 * `-v4`; the last of several counts. Throws {@link FlagError}.
 */
export function parseFlags<T extends FlagTable>(table: T, args: readonly string[]): ParsedFlags<T> {
  const values = new Map<string, unknown>(
    Object.entries(table).map(([name, flag]) => [name, flag.default]),
  );
  const given = new Set<string>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const { shown, name, value } = split(arg);
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (flag === undefined) throw new FlagError(`unknown flag: ${shown}`);
    if (flag.retired !== undefined) throw new FlagError(`${shown}: ${flag.retired}`);
    const text = value ?? (flag.kind === 'switch' ? 'true' : rest.shift());
    if (text === undefined) throw new FlagError(`flag needs an argument: ${shown}`);
    values.set(name, valueOf(flag, text, { shown, before: values.get(name) }));
    given.add(name);
  }
  // Every name of the table has a value of its flag's type by now.
  return { values: Object.fromEntries(values) as FlagValues<T>, given };
}

function split(arg: string): { shown: string; name: string; value: string | undefined } {
  const long = /^--([^=]+)(?:=([^]*))?$/.exec(arg);
  if (long !== null) return { shown: `--${long[1] ?? ''}`, name: long[1] ?? '', value: long[2] };
  const short = /^-([a-zA-Z])(?:=?([^]+))?$/.exec(arg);
  if (short !== null) return { shown: `-${short[1] ?? ''}`, name: short[1] ?? '', value: short[2] };
  throw new FlagError(`unexpected argument: ${arg}`);
}

function valueOf(
  flag: Flag<unknown>,
  text: string,
  { shown, before }: { readonly shown: string; readonly before: unknown },
): unknown {
  try {
    return flag.parse(text, before);
  } catch (error) {
    if (!(error instanceof FlagValueError)) throw error;
    throw new FlagError(`invalid argument "${text}" for ${shown}: ${error.message}`, {
      cause: error,
    });
  }
}

/** The table as help: a line for each flag that is still taken. */
export function describeFlags(table: FlagTable): string {
  return Object.entries(table)
    .filter(([, flag]) => flag.retired === undefined)
    .map(([name, { placeholder, help, defaultText }]) => {
      const dashed = name.length === 1 ? `-${name}` : `--${name}`;
      const usage = placeholder === '' ? dashed : `${dashed} <${placeholder}>`;
      const suffix = defaultText === '' ? '' : ` (default ${defaultText})`;
      return `  ${usage}\n      ${help}${suffix}`;
    })
    .join('\n');
}
