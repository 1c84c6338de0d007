// SPDX-License-Identifier: Apache-2.0

/** What an expression of a template can be. */
export type TemplateValue = string | number | boolean;

/** What templates see: variables by name and ports by name. */
export interface TemplateScope {
  readonly variables: Readonly<Record<string, string>>;
  readonly ports: ReadonlyMap<string, number>;
}

/** A function of templates: its arguments, the piped one last. */
export interface TemplateFunction {
  readonly arity: readonly [least: number, most: number];
  readonly call: (args: readonly TemplateValue[], scope: TemplateScope) => TemplateValue;
}

/** Whether a value counts as true. */
export const isTruthy = (value: TemplateValue | undefined): boolean =>
  value !== undefined && value !== '' && value !== 0 && value !== false;

const text = (value: TemplateValue | undefined): string => String(value ?? '');
const many = Number.POSITIVE_INFINITY;

const ofText = (call: (value: string) => string): TemplateFunction => ({
  arity: [1, 1],
  call: ([value]) => call(text(value)),
});

/** As Go's `Sprint`: a space between two operands of which neither is text. */
function print(args: readonly TemplateValue[]): string {
  return args
    .map((value, index) => {
      const before = args[index - 1];
      const spaced =
        index > 0 && typeof value !== 'string' && typeof before !== 'string' ? ' ' : '';
      return spaced + text(value);
    })
    .join('');
}

/**
 * The functions that templates of BaseConfigs use, and no others: nothing here reads anything but its arguments, so a
 * template learns nothing of the process that fills it in.
 */
export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map<
  string,
  TemplateFunction
>([
  ['getPort', { arity: [1, 1], call: ([name], { ports }) => ports.get(text(name)) ?? -1 }],
  ['print', { arity: [0, many], call: print }],
  [
    'default',
    {
      arity: [1, 2],
      call: ([fallback = '', value]) => (isTruthy(value) ? (value ?? fallback) : fallback),
    },
  ],
  ['quote', ofText((value) => JSON.stringify(value))],
  ['squote', ofText((value) => `'${value}'`)],
  ['lower', ofText((value) => value.toLowerCase())],
  ['upper', ofText((value) => value.toUpperCase())],
  ['trim', ofText((value) => value.trim())],
  ['toString', ofText((value) => value)],
  [
    'replace',
    { arity: [3, 3], call: ([from, to, value]) => text(value).replaceAll(text(from), text(to)) },
  ],
  ['trunc', { arity: [2, 2], call: ([length, value]) => text(value).slice(0, Number(length)) }],
  [
    'trimPrefix',
    {
      arity: [2, 2],
      call: ([prefix, value]) =>
        text(value).startsWith(text(prefix)) ? text(value).slice(text(prefix).length) : text(value),
    },
  ],
  [
    'trimSuffix',
    {
      arity: [2, 2],
      call: ([suffix, value]) =>
        text(suffix) !== '' && text(value).endsWith(text(suffix))
          ? text(value).slice(0, -text(suffix).length)
          : text(value),
    },
  ],
  ['not', { arity: [1, 1], call: ([value]) => !isTruthy(value) }],
  [
    'and',
    { arity: [1, many], call: (args) => args.find((a) => !isTruthy(a)) ?? args.at(-1) ?? '' },
  ],
  ['or', { arity: [1, many], call: (args) => args.find(isTruthy) ?? args.at(-1) ?? '' }],
  [
    'eq',
    { arity: [2, many], call: ([first, ...others]) => others.some((other) => other === first) },
  ],
  ['ne', { arity: [2, 2], call: ([a, b]) => a !== b }],
]);
