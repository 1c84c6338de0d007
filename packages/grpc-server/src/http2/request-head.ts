// SPDX-License-Identifier: Apache-2.0
import type { HeaderList } from '../hpack/decoder.ts';

/** A request's control data and fields, as they came and as RFC 9113 section 8 allows them. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** As it came: proxies put cluster names there that are no URI authority. Empty when absent. */
  readonly authority: string;
  readonly headers: HeaderList;
  /** Index of the first field that is no pseudo-header. */
  readonly firstField: number;
  /** Announced body length, if any. */
  readonly contentLength: number | undefined;
}

/** Fields that belong to an HTTP/1 connection (RFC 9113 section 8.2.2). */
const connectionSpecific = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Visible characters without upper case and delimiters; a field name is nothing else. */
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What could split a message once it is written elsewhere. */
const forbiddenInValue = /[\0\r\n]/;

/** The head of a request, or why it is malformed. */
export function requestHeadOf(headers: HeaderList): RequestHead | string {
  const pseudo = { ':method': '', ':scheme': '', ':path': '', ':authority': '' };
  const seen = new Set<string>();
  const { names, values } = headers;
  let firstField = 0;
  for (; firstField < names.length; firstField++) {
    const name = names[firstField] ?? '';
    if (!name.startsWith(':')) break;
    if (!isPseudo(pseudo, name)) return `pseudo-header ${name}`;
    if (seen.has(name)) return `two of ${name}`;
    seen.add(name);
    pseudo[name] = values[firstField] ?? '';
    if (forbiddenInValue.test(pseudo[name])) return `characters in ${name}`;
  }
  // Like :scheme below it cannot be missing without being empty; an empty one is as useless.
  if (pseudo[':method'] === '' || pseudo[':scheme'] === '') return 'no method or scheme';
  if (pseudo[':path'] === '') return 'no path';
  const length = fieldProblem(headers, firstField);
  if (typeof length === 'string') return length;
  const contentLength = length === null ? undefined : length;
  const control = { method: pseudo[':method'], path: pseudo[':path'] };
  return { ...control, authority: pseudo[':authority'], headers, firstField, contentLength };
}

/** Why these fields cannot end a request; undefined when they can. */
export function trailerProblem(headers: HeaderList): string | undefined {
  const problem = fieldProblem(headers, 0);
  return typeof problem === 'string' ? problem : undefined;
}

const isPseudo = <T extends object>(pseudo: T, name: string): name is keyof T & string =>
  Object.hasOwn(pseudo, name);

/** Checks fields from `first` on; gives the content length, null where there is none, or what is wrong. */
function fieldProblem(headers: HeaderList, first: number): string | number | null {
  let contentLength: number | null = null;
  for (let i = first; i < headers.names.length; i++) {
    const name = headers.names[i] ?? '';
    const value = headers.values[i] ?? '';
    // A pseudo-header after a field fails here too: names have no colon.
    if (!fieldName.test(name)) return 'field name';
    if (forbiddenInValue.test(value)) return `characters in ${name}`;
    if (connectionSpecific.has(name)) return `connection-specific field ${name}`;
    if (name === 'te' && value !== 'trailers') return 'te other than trailers';
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) return 'content-length';
      const length = Number(value);
      if (contentLength !== null && contentLength !== length) return 'two content-lengths';
      contentLength = length;
    }
  }
  return contentLength;
}
