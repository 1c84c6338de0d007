// SPDX-License-Identifier: Apache-2.0
import { isArray, isNumber, type JsonText, type NumberText } from '../../json/json-text.ts';
import { unsupportedPrompt } from '../tokenizer-error.ts';
import { runtime, type RuntimeValue } from './jinja.ts';

/** What Python's `json` module makes of JSON, as a template sees it. */
export function templateValue(value: JsonText): RuntimeValue {
  if (value === null) return new runtime.None(null);
  if (typeof value === 'boolean') return new runtime.Bool(value);
  if (typeof value === 'string') return new runtime.Str(value);
  if (isNumber(value)) return numberValue(value);
  if (isArray(value)) return new runtime.List(value.map(templateValue));
  const members = Object.entries(value);
  if (members.length > 1 && members.some(([name]) => WHOLE_NUMBER.test(name))) {
    throw unsupportedPrompt('an object with numbers for names, whose order is lost');
  }
  return new runtime.Dict(new Map(members.map(([name, member]) => [name, templateValue(member)])));
}

const WHOLE_NUMBER = /^\d+$/;

function numberValue({ text }: NumberText): RuntimeValue {
  if (!/^-?\d+$/.test(text)) return new runtime.Float(Number(text));
  const value = Number(text);
  // The template engine passes on what it is given; arithmetic with it fails, as it should rather than be wrong.
  return new runtime.Int(Number.isSafeInteger(value) ? value + 0 : BigInt(text));
}
