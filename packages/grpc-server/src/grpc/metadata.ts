// SPDX-License-Identifier: Apache-2.0

/** Text, or bytes for keys that end in `-bin`. */
export type MetadataValue = string | Uint8Array;

/** Metadata as key-value pairs; keys are lower-case and may repeat. */
export type MetadataEntries = Iterable<readonly [key: string, value: MetadataValue]>;

/** What a client sent along with a call: its headers except those of HTTP/2 itself. */
export interface Metadata extends Iterable<readonly [key: string, value: string | Buffer]> {
  /** The first value of a key; undefined when there is none or the key ends in `-bin`. */
  get(key: string): string | undefined;
  /** The first value of a key that ends in `-bin`. */
  getBinary(key: string): Buffer | undefined;
  /** Every value of a key, in order; binary ones decoded. */
  getAll(key: string): (string | Buffer)[];
}

/** Headers as two lists of the same length, from index `first` on. */
export interface RawHeaders {
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly first: number;
}

/** Metadata that reads headers when asked, so a call that asks for none pays for none. */
export function metadataOf(headers: RawHeaders): Metadata {
  const { names, values, first } = headers;
  function* entries(): Generator<readonly [string, string | Buffer]> {
    for (let i = first; i < names.length; i++) yield* decoded(names[i] ?? '', values[i] ?? '');
  }
  const getAll = (key: string): (string | Buffer)[] => {
    const all: (string | Buffer)[] = [];
    for (let i = names.indexOf(key, first); i !== -1; i = names.indexOf(key, i + 1))
      for (const [, value] of decoded(key, values[i] ?? '')) all.push(value);
    return all;
  };
  return {
    get: (key) => {
      const at = key.endsWith('-bin') ? -1 : names.indexOf(key, first);
      return at === -1 ? undefined : values[at];
    },
    getBinary: (key) => getAll(key).find((value) => typeof value !== 'string'),
    getAll,
    [Symbol.iterator]: entries,
  };
}

/** Several binary values may travel in one header, separated by commas. */
function decoded(name: string, value: string): (readonly [string, string | Buffer])[] {
  if (!name.endsWith('-bin')) return [[name, value]];
  return value.split(',').map((one) => [name, Buffer.from(one, 'base64')] as const);
}

const validKey = /^[0-9a-z_.-]+$/;
const validText = /^[\x20-\x7e]*$/;

/** Metadata as header fields. Throws {@link InvalidMetadataError}. */
export function* headerFieldsOf(entries: MetadataEntries): Generator<readonly [string, string]> {
  for (const [key, value] of entries) {
    if (!validKey.test(key) || key.startsWith('grpc-')) throw new InvalidMetadataError(key);
    if (key.endsWith('-bin') !== (typeof value !== 'string')) throw new InvalidMetadataError(key);
    if (typeof value !== 'string')
      yield [key, Buffer.from(value).toString('base64').replace(/=+$/, '')];
    else if (validText.test(value)) yield [key, value];
    else throw new InvalidMetadataError(key);
  }
}

/** A key that gRPC does not allow or has reserved, or a value that does not suit its key. */
export class InvalidMetadataError extends Error {
  readonly code = 'INVALID_METADATA';
  readonly key: string;
  constructor(key: string) {
    super(`metadata ${JSON.stringify(key)} cannot be sent`);
    this.name = 'InvalidMetadataError';
    this.key = key;
  }
}
