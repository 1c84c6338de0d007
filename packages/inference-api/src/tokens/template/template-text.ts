// SPDX-License-Identifier: Apache-2.0
import { pythonFloat } from '../../json/json-text.ts';
import { TokenizerError } from '../tokenizer-error.ts';
import { runtime, type RuntimeValue } from './jinja.ts';

/** What Python's `str` makes of a value, which is also what a template prints of it. */
export const strFilter: RuntimeValue = new runtime.Callable(
  ([value]: readonly RuntimeValue[]): RuntimeValue =>
    new runtime.Str(value === undefined ? '' : textOf(value)),
);

function textOf({ type, value }: RuntimeValue): string {
  switch (type) {
    case 'FloatValue':
      return pythonFloat(Number(value));
    case 'NullValue':
      return 'None';
    case 'UndefinedValue':
      return '';
  }
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
    case 'bigint':
      return String(value);
  }
  // Python has a notation of its own for these, which is not made here.
  throw new TokenizerError(
    'TOKENIZER_UNSUPPORTED',
    'the chat template prints a list or an object without tojson',
  );
}
