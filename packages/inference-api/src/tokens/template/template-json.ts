// SPDX-License-Identifier: Apache-2.0
import { asciiString, pythonFloat } from '../../json/json-text.ts';
import { runtime, type RuntimeValue } from './jinja.ts';

interface Format {
  readonly string: (text: string) => string;
  readonly comma: string;
  readonly colon: string;
  /** Spaces of one level; undefined: all on one line. */
  readonly indent: number | undefined;
  readonly sortsKeys: boolean;
}

/**
 * The filter `tojson` as transformers defines it: `json.dumps(value, ensure_ascii=False, indent=None, separators=None,
 * sort_keys=False)`, its arguments by position or by name.
 */
export const toJsonFilter: RuntimeValue = new runtime.Callable(
  (args: readonly RuntimeValue[]): RuntimeValue => {
    const [value, ...rest] = args;
    if (value === undefined) throw new TypeError('tojson has nothing to write');
    const named = rest.at(-1)?.type === 'KeywordArgumentsValue' ? rest.pop() : undefined;
    // The engine hands over named arguments as a map.
    const byName = named?.value as ReadonlyMap<string, RuntimeValue> | undefined;
    const argument = (name: string, position: number): unknown =>
      (byName?.get(name) ?? rest[position])?.value ?? undefined;
    return new runtime.Str(
      write(
        value,
        formatOf({
          ensureAscii: argument('ensure_ascii', 0),
          indent: argument('indent', 1),
          separators: argument('separators', 2),
          sortKeys: argument('sort_keys', 3),
        }),
        0,
      ),
    );
  },
);

interface FilterArguments {
  readonly ensureAscii: unknown;
  readonly indent: unknown;
  readonly separators: unknown;
  readonly sortKeys: unknown;
}

function formatOf({ ensureAscii, indent, separators, sortKeys }: FilterArguments): Format {
  const own = Array.isArray(separators) ? separators.map(String) : undefined;
  const [comma = indent === undefined ? ', ' : ',', colon = ': '] = own ?? [];
  return {
    string: ensureAscii === true ? asciiString : (text) => JSON.stringify(text),
    comma,
    colon,
    indent: typeof indent === 'number' ? indent : undefined,
    sortsKeys: sortKeys === true,
  };
}

function write(value: RuntimeValue, format: Format, depth: number): string {
  const { value: inner } = value;
  if (value.type === 'FloatValue') return pythonFloat(Number(inner));
  if (inner === null) return 'null';
  switch (typeof inner) {
    case 'boolean':
    case 'number':
    case 'bigint':
      return String(inner);
    case 'string':
      return format.string(inner);
  }
  if (Array.isArray(inner)) {
    const items = inner.map((item: RuntimeValue) => write(item, format, depth + 1));
    return wrap('[', items, ']', { format, depth });
  }
  if (!(inner instanceof Map)) throw new TypeError(`tojson cannot write a ${value.type}`);
  // Maps of the engine have strings for keys.
  const entries = [...(inner as ReadonlyMap<string, RuntimeValue>)];
  if (format.sortsKeys) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const members = entries.map(
    ([name, member]) => format.string(name) + format.colon + write(member, format, depth + 1),
  );
  return wrap('{', members, '}', { format, depth });
}

function wrap(
  open: string,
  items: readonly string[],
  close: string,
  { format: { indent, comma }, depth }: { readonly format: Format; readonly depth: number },
): string {
  if (items.length === 0) return open + close;
  if (indent === undefined) return open + items.join(comma) + close;
  const line = (level: number) => `\n${' '.repeat(indent * level)}`;
  const inside = line(depth + 1);
  return open + inside + items.join(comma + inside) + line(depth) + close;
}
