// SPDX-License-Identifier: Apache-2.0
import type { HeaderMapInit, HeaderMutation, HeaderValue, HeaderValueOption } from '@llm-d/protos';

/** A header with its name as it was written. */
export type Header = readonly [name: string, value: string];

/** Headers of a message, as a proxy holds them. */
export type HeaderList = readonly Header[];

/** A change of headers that an endpoint picker asked for, readable. */
export interface HeaderChange {
  readonly set: readonly {
    /** As it was written. */
    readonly name: string;
    readonly value: string;
    /** Which field of the message carried the value. */
    readonly field: 'raw_value' | 'value';
    readonly action: 'set' | 'append' | 'add-if-absent' | 'overwrite-if-exists';
  }[];
  readonly removed: readonly string[];
}

const NO_CHANGE: HeaderChange = { set: [], removed: [] };

/** Headers on the wire, with values in `raw_value` as Envoy has them, or in `value` as former versions had. */
export function headerMapOf(
  headers: HeaderList,
  field: 'raw_value' | 'value' = 'raw_value',
): HeaderMapInit {
  return {
    headers: headers.map(([key, value]) =>
      field === 'value' ? { key, value } : { key, rawValue: Buffer.from(value) },
    ),
  };
}

/** What a mutation says; nothing where there is none. */
export function headerChangeOf(mutation: HeaderMutation | null | undefined): HeaderChange {
  if (mutation === null || mutation === undefined) return NO_CHANGE;
  return {
    set: mutation.setHeaders.flatMap((option) => {
      const { header } = option;
      if (header === null) return [];
      const field = header.rawValue.length > 0 ? ('raw_value' as const) : ('value' as const);
      return [{ name: header.key, value: valueOf(header), field, action: actionOf(option) }];
    }),
    removed: mutation.removeHeaders,
  };
}

const valueOf = ({ value, rawValue }: HeaderValue): string =>
  rawValue.length > 0 ? Buffer.from(rawValue).toString() : value;

/** Envoy's rule for ext_proc: without a word about appending, a header is replaced. */
function actionOf({
  append,
  appendAction,
}: HeaderValueOption): HeaderChange['set'][number]['action'] {
  if (append !== null) return append.value ? 'append' : 'set';
  return (['set', 'add-if-absent', 'set', 'overwrite-if-exists'] as const)[appendAction] ?? 'set';
}

/** The headers after a change, names in lower case. As in Envoy, removals come first. */
export function applyHeaderChange(headers: HeaderList, { set, removed }: HeaderChange): HeaderList {
  const gone = new Set(removed.map((name) => name.toLowerCase()));
  let result = headers
    .map(([name, value]): Header => [name.toLowerCase(), value])
    .filter(([name]) => !gone.has(name));
  for (const { name: written, value, action } of set) {
    const name = written.toLowerCase();
    const exists = result.some(([other]) => other === name);
    if (action === 'add-if-absent' && exists) continue;
    if (action === 'overwrite-if-exists' && !exists) continue;
    if (action !== 'append') result = result.filter(([other]) => other !== name);
    result.push([name, value]);
  }
  return result;
}

/** All values of a header, in their order. */
export const valuesOf = (headers: HeaderList, name: string): readonly string[] =>
  headers.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
