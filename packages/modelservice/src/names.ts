// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Longest name of a LeaderWorkerSet: its pods and revisions append to it in labels of 63 characters. */
export const MAX_GROUP_NAME = 45;

/**
 * The name of a child: owner and suffix where that is a DNS label (RFC 1035) of at most `maxLength` characters. Else
 * what is left of the owner, cut, with eight digits of its hash, so that two owners never share a child.
 */
export function childName(owner: string, suffix: string, maxLength = 63): string {
  const plain = `${owner}${suffix}`;
  if (plain.length <= maxLength && LABEL.test(plain)) return plain;
  const room = maxLength - suffix.length - 9;
  if (room < LEAST_OWNER) return childName(`${owner}${suffix}`, '', maxLength);
  const kept = sanitize(owner).replace(/^[^a-z]+/, '');
  return `${trimmed(kept.slice(0, room)) || 'm'}-${shortHash(owner)}${suffix}`;
}

/** Letters of an owner that must be left in a name, else owner and suffix are cut as one. */
const LEAST_OWNER = 8;

/**
 * Text as the value of a label: lower case, with dashes for what may not be there. Where that says nothing or is too
 * long, a hash keeps different texts different.
 */
export function labelValue(text: string): string {
  const plain = trimmed(sanitize(text));
  if (plain.length <= 63 && LABEL_VALUE.test(plain)) return plain;
  const kept = trimmed(plain.slice(0, 54));
  return kept === '' ? shortHash(text) : `${kept}-${shortHash(text)}`;
}

/** The name of a ModelService as a label: unlike {@link labelValue} it differs whenever the names differ. */
export const identityLabel = (name: string): string =>
  name.length <= 63 && LABEL_VALUE.test(name) ? name : childName(name, '');

/** Eight hexadecimal digits of a text. */
export const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 8);

const sanitize = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-');

const trimmed = (text: string): string => text.replace(/^-+|-+$/g, '');
