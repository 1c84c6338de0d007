// SPDX-License-Identifier: Apache-2.0
import {
  changeJsonMembers,
  readJsonMembers,
  type JsonMember,
  type JsonObjectMembers,
  type MemberChanges,
} from '@llm-d/inference-api';

/** A request's body that is a JSON object. Its bytes are never written anew, only cut and filled. */
export interface RequestBody {
  readonly bytes: Buffer;
  readonly object: JsonObjectMembers;
}

/** What a body is. */
export type ReadBody =
  | { readonly kind: 'object'; readonly body: RequestBody }
  /** Valid JSON that has no members, such as an array. */
  | { readonly kind: 'other' }
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads a body. */
export function readRequestBody(bytes: Buffer): ReadBody {
  const object = readJsonMembers(bytes);
  switch (object.kind) {
    case 'object':
      return { kind: 'object', body: { bytes, object } };
    case 'other':
      return object;
    case 'invalid':
      return { kind: 'invalid', message: object.failure.message };
  }
}

/** The value of a member as it is written; of several of one name the last one. Undefined where there is none. */
export function memberBytes({ bytes, object }: RequestBody, name: string): Buffer | undefined {
  const member = memberOf(object, name);
  return member && bytes.subarray(member.valueStart, member.end);
}

/** The object that a member is; undefined where it is none. */
export function nestedBody(body: RequestBody, name: string): RequestBody | undefined {
  const value = memberBytes(body, name);
  const read = value && readRequestBody(value);
  return read?.kind === 'object' ? read.body : undefined;
}

/** Whether a member is `true`. */
export const isOn = (body: RequestBody, name: string): boolean =>
  memberBytes(body, name)?.toString('latin1') === 'true';

/** The bytes with other members; see `changeJsonMembers`. */
export const withMembers = ({ bytes, object }: RequestBody, changes: MemberChanges): Buffer =>
  changes.size === 0 ? bytes : changeJsonMembers(bytes, object, changes);

const memberOf = ({ members }: JsonObjectMembers, wanted: string): JsonMember | undefined =>
  members.findLast(({ name }) => name === wanted);
