// SPDX-License-Identifier: Apache-2.0

/** A JSON number as it was written: converting it would change what a model is shown. */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** JSON with its numbers as they were written. */
export type JsonText = null | boolean | string | NumberText | readonly JsonText[] | JsonObject;

/** Members in the order in which they were written, but for names that are whole numbers, which come first. */
export interface JsonObject {
  readonly [name: string]: JsonText;
}

/** Parses like `JSON.parse`, and throws as it does, but for numbers, which become {@link NumberText}. */
export function parseJsonText(text: string): JsonText {
  const reviver = (_name: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value;
  // JSON knows no other values than those of the type.
  return JSON.parse(text, reviver) as JsonText;
}

export const isObject = (value: JsonText | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isNumber(value);

export const isArray = (value: JsonText | undefined): value is readonly JsonText[] =>
  Array.isArray(value);

export const isNumber = (value: unknown): value is NumberText => value instanceof NumberText;

interface Style {
  readonly afterComma: string;
  readonly afterColon: string;
  readonly string: (value: string) => string;
  readonly number: (value: NumberText) => string;
}

/** Writes JSON without spaces, numbers as they were written. */
export const writeJsonText = (value: JsonText): string =>
  write(value, {
    afterComma: '',
    afterColon: '',
    string: (text) => JSON.stringify(text),
    number: ({ text }) => text,
  });

/** Writes what Python's `json.dumps` makes of it, which is how engines put arguments of tools into prompts. */
export const writePythonJson = (value: JsonText): string =>
  write(value, { afterComma: ' ', afterColon: ' ', string: asciiString, number: pythonNumber });

function write(value: JsonText, style: Style): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return style.string(value);
  if (isNumber(value)) return style.number(value);
  const comma = `,${style.afterComma}`;
  if (isArray(value)) return `[${value.map((item) => write(item, style)).join(comma)}]`;
  const members = Object.entries(value).map(
    ([name, member]) => `${style.string(name)}:${style.afterColon}${write(member, style)}`,
  );
  return `{${members.join(comma)}}`;
}

/** A JSON string literal of nothing but ASCII. */
export const asciiString = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Whole numbers keep their digits, however many; others are floats. */
function pythonNumber({ text }: NumberText): string {
  if (/^-?\d+$/.test(text)) return text === '-0' ? '0' : text;
  return pythonFloat(Number(text));
}

/** A float as Python's `json.dumps` writes it: its shortest form, never without point or exponent. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Object.is(value, -0)) return '-0.0';
  if (!Number.isFinite(value)) return value < 0 ? '-Infinity' : 'Infinity';
  const [, sign = '', digits = '', power = '0'] =
    /^(-?)([\d.]+)e([+-]\d+)$/.exec(value.toExponential()) ?? [];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const plain = String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}
