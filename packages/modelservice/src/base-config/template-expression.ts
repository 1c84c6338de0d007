// SPDX-License-Identifier: Apache-2.0
import { TemplateError } from './template-position.ts';
import { templateFunctions, type TemplateScope, type TemplateValue } from './template-functions.ts';

/** Kinds of tokens, which are also the groups of the expression that finds them. */
const KINDS = ['field', 'word', 'text', 'number', 'sign'] as const;

interface Token {
  readonly kind: (typeof KINDS)[number];
  readonly value: string;
  readonly offset: number;
}

const TOKEN =
  /\s*(?:(?<field>\.[A-Za-z_]\w*)|(?<word>[A-Za-z_]\w*)|(?<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?<number>-?\d+)|(?<sign>[()|]))/y;

/** Where an expression stands: the whole template, and the part of it that is the expression. */
export interface Placed {
  readonly template: string;
  readonly from: number;
  readonly to: number;
}

/** The value of an expression: commands joined by `|`, each one's result the last argument of the next. */
export function evaluate(placed: Placed, scope: TemplateScope): TemplateValue {
  const tokens = tokensOf(placed);
  const reader = { tokens, at: 0, placed, scope };
  const value = pipeline(reader);
  const left = reader.tokens[reader.at];
  if (left !== undefined) fail(placed, left.offset, `${left.value} is not expected here`);
  return value;
}

interface Reader {
  readonly tokens: readonly Token[];
  at: number;
  readonly placed: Placed;
  readonly scope: TemplateScope;
}

function tokensOf(placed: Placed): readonly Token[] {
  const { template, from, to } = placed;
  const tokens: Token[] = [];
  const source = template.slice(0, to);
  let at = from;
  while (source.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    const groups: Readonly<Record<string, string | undefined>> = match?.groups ?? {};
    const kind = KINDS.find((candidate) => groups[candidate] !== undefined);
    const value = kind === undefined ? undefined : groups[kind];
    if (kind === undefined || value === undefined) {
      const offset = at + (source.slice(at).length - source.slice(at).trimStart().length);
      fail(placed, offset, `${JSON.stringify(source[offset] ?? '')} is not understood`);
    }
    at = TOKEN.lastIndex;
    tokens.push({ kind, value, offset: at - value.length });
  }
  return tokens;
}

function pipeline(reader: Reader): TemplateValue {
  let value = command(reader);
  while (reader.tokens[reader.at]?.value === '|' && reader.tokens[reader.at]?.kind === 'sign') {
    reader.at += 1;
    value = command(reader, value);
  }
  return value;
}

/** A value, or a function with its arguments. */
function command(reader: Reader, piped?: TemplateValue): TemplateValue {
  const first = reader.tokens[reader.at];
  if (first === undefined) fail(reader.placed, reader.placed.to, 'something is missing here');
  if (first.kind === 'word' && first.value !== 'true' && first.value !== 'false') {
    reader.at += 1;
    return call(reader, first, piped);
  }
  const value = operand(reader);
  const next = reader.tokens[reader.at];
  if (piped !== undefined || (next !== undefined && next.kind !== 'sign')) {
    fail(reader.placed, first.offset, `${first.value} is not a function`);
  }
  return value;
}

function call(reader: Reader, name: Token, piped: TemplateValue | undefined): TemplateValue {
  const found = templateFunctions.get(name.value);
  if (found === undefined) {
    const secret = name.value === 'env' || name.value === 'expandenv';
    const reason = secret ? 'templates do not see the environment' : 'is not a known function';
    fail(reader.placed, name.offset, `${name.value}: ${reason}`);
  }
  const args: TemplateValue[] = [];
  for (let next = reader.tokens[reader.at]; startsOperand(next); next = reader.tokens[reader.at]) {
    args.push(operand(reader));
  }
  if (piped !== undefined) args.push(piped);
  const [least, most] = found.arity;
  if (args.length < least || args.length > most) {
    fail(reader.placed, name.offset, `${name.value} has ${args.length} arguments`);
  }
  return found.call(args, reader.scope);
}

const startsOperand = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind !== 'sign' || token.value === '(');

function operand(reader: Reader): TemplateValue {
  const token = reader.tokens[reader.at];
  if (token === undefined) fail(reader.placed, reader.placed.to, 'something is missing here');
  reader.at += 1;
  switch (token.kind) {
    case 'field':
      return field(reader, token);
    case 'text':
      return token.value.startsWith('`') ? token.value.slice(1, -1) : unquoted(reader, token);
    case 'number':
      return Number(token.value);
    case 'word':
      if (token.value === 'true' || token.value === 'false') return token.value === 'true';
      // A function without arguments among arguments.
      return call({ ...reader, tokens: [] }, token, undefined);
    case 'sign':
      return inParentheses(reader, token);
  }
}

function field({ placed, scope }: Reader, { value, offset }: Token): TemplateValue {
  const name = value.slice(1);
  const found = Object.hasOwn(scope.variables, name) ? scope.variables[name] : undefined;
  if (found === undefined) fail(placed, offset, `there is no variable ${name}`);
  return found;
}

function inParentheses(reader: Reader, open: Token): TemplateValue {
  if (open.value !== '(') fail(reader.placed, open.offset, `${open.value} is not expected here`);
  const value = pipeline(reader);
  if (reader.tokens[reader.at]?.value !== ')') fail(reader.placed, open.offset, '( is not closed');
  reader.at += 1;
  return value;
}

function unquoted({ placed }: Reader, { value, offset }: Token): string {
  try {
    return String(JSON.parse(value));
  } catch {
    fail(placed, offset, `${value} is not a text`);
  }
}

function fail({ template }: Placed, offset: number, reason: string): never {
  throw new TemplateError(reason, template, offset);
}
