// SPDX-License-Identifier: Apache-2.0

/** A command line flag: none, one or several values. */
export interface Flag {
  readonly name: string;
  readonly values: readonly string[];
}

/** A flag with values; numbers as text. */
export const flag = (name: string, ...values: readonly (string | number)[]): Flag => ({
  name,
  values: values.map(String),
});

/** The flag where the condition holds. */
export const flagIf = (
  condition: boolean,
  name: string,
  ...values: readonly (string | number)[]
) => (condition ? [flag(name, ...values)] : []);

/** Other spellings of flags, by which a person may have given them. */
const ALIASES: Readonly<Record<string, string>> = {
  '-tp': '--tensor-parallel-size',
  '--tp': '--tensor-parallel-size',
  '--tp-size': '--tensor-parallel-size',
  '-pp': '--pipeline-parallel-size',
  '--pp-size': '--pipeline-parallel-size',
  '-dp': '--data-parallel-size',
  '--dp': '--data-parallel-size',
  '--dp-size': '--data-parallel-size',
  '-dpl': '--data-parallel-size-local',
  '-dpr': '--data-parallel-start-rank',
  '-dpa': '--data-parallel-address',
  '-dpp': '--data-parallel-rpc-port',
  '-dph': '--data-parallel-hybrid-lb',
  '-dpm': '--data-parallel-multi-port-external-lb',
  '-ep': '--enable-expert-parallel',
};

/** A flag's name without its value, in one spelling. */
const nameOf = (arg: string): string => {
  const [name = ''] = arg.split('=');
  const dashed = name.replaceAll('_', '-');
  return ALIASES[dashed] ?? dashed;
};

/** Whether arguments contain a flag. `--no-x` says something about `--x` as well. */
export const hasFlag = (args: readonly string[], name: string): boolean =>
  args.some((arg) => {
    if (!arg.startsWith('-')) return false;
    const stated = nameOf(arg);
    return stated === nameOf(name) || stated === `--no-${nameOf(name).slice(2)}`;
  });

/** The arguments, and behind them those flags that they do not contain. */
export const withFlags = (args: readonly string[], flags: readonly Flag[]): readonly string[] => [
  ...args,
  ...flags.filter(({ name }) => !hasFlag(args, name)).flatMap(argsOf),
];

/** A flag as arguments. */
export const argsOf = ({ name, values }: Flag): readonly string[] => {
  const [first, ...others] = values;
  if (first === undefined) return [name];
  return others.length === 0 ? [`${name}=${first}`] : [name, first, ...others];
};

/** Flags from a map of text, numbers and truth values, in the order of their names. */
export const flagsFrom = (values: Readonly<Record<string, unknown>>): readonly Flag[] =>
  Object.keys(values)
    .sort()
    .flatMap((name) => {
      const value = values[name];
      const text =
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return text ? [flag(`--${name}`, String(value))] : [];
    });
