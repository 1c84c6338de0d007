// SPDX-License-Identifier: Apache-2.0
import { nestedBody, readRequestBody, withMembers, type RequestBody } from './request-body.ts';

/**
 * Members by which engines of one deployment hand caches to each other. vLLM believes them: a client's
 * `{"do_remote_prefill":true}` ends a decode server.
 */
const TRANSFER_FIELDS: ReadonlySet<string> = new Set([
  'kv_transfer_params',
  'ec_transfer_params',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
]);
/** Objects in which vLLM looks for the same. */
const CARRIERS: readonly (readonly string[])[] = [
  ['vllm_xargs'],
  ['sampling_params', 'extra_args'],
];

/** A body without what only the platform may say, and whether there was any of it. */
export interface StrippedBody {
  readonly body: RequestBody;
  readonly stripped: boolean;
}

/** Takes transfer fields out of a body, wherever an engine would find them. */
export function stripTransferFields(body: RequestBody): StrippedBody {
  const changes = new Map<string, Buffer | undefined>(
    namesIn(body).map((name) => [name, undefined]),
  );
  for (const path of CARRIERS) {
    const [name = '', ...rest] = path;
    const carrier = nestedBody(body, name);
    const clean = carrier && cleanAt(carrier, rest);
    if (clean !== undefined) changes.set(name, clean);
  }
  if (changes.size === 0) return { body, stripped: false };
  const read = readRequestBody(withMembers(body, changes));
  // It was an object, of which members have been taken.
  if (read.kind !== 'object') throw new TypeError('a body lost its braces');
  return { body: read.body, stripped: true };
}

/** The object without transfer fields at a path inside it; undefined where there are none. */
function cleanAt(body: RequestBody, path: readonly string[]): Buffer | undefined {
  const [name, ...rest] = path;
  if (name === undefined) {
    const found = namesIn(body);
    return found.length === 0
      ? undefined
      : withMembers(body, new Map(found.map((field) => [field, undefined])));
  }
  const inner = nestedBody(body, name);
  const clean = inner && cleanAt(inner, rest);
  return clean && withMembers(body, new Map([[name, clean]]));
}

const namesIn = ({ object }: RequestBody): readonly string[] =>
  object.members.filter(({ name }) => TRANSFER_FIELDS.has(name)).map(({ name }) => name);
