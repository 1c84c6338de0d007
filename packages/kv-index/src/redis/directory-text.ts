// SPDX-License-Identifier: Apache-2.0
import type { AttentionGroup } from '../attention-group.ts';
import type { KvRowDirectory, KvRowHolder } from '../rows/index-rows.ts';
import { KvRedisLayoutError } from './kv-redis-error.ts';

/** A directory as Redis keeps it. */
export interface StoredDirectory {
  readonly version: number;
  /** Fingerprint of the scheme of its request keys. */
  readonly keys: string;
  readonly holders: readonly Omit<KvRowHolder, 'namesGroups'>[];
  readonly tiers: readonly string[];
  readonly planes: readonly (readonly [tier: number, group: number])[];
}

export function directoryText(
  { holders, tiers, planes }: KvRowDirectory,
  { version, keys }: { readonly version: number; readonly keys: string },
): string {
  const plain = holders.map(({ life, source, groups }) => ({ life, source, groups }));
  return JSON.stringify({ version, keys, tiers, planes, holders: plain });
}

/** Reads a directory; throws {@link KvRedisLayoutError} for what is none. */
export function parseDirectory(text: string, namespace: string): StoredDirectory {
  const value = parsed(text);
  if (!isDirectory(value)) {
    throw new KvRedisLayoutError(`the directory of "${namespace}" cannot be read`, namespace);
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDirectory(value: unknown): value is StoredDirectory {
  if (!isObject(value)) return false;
  const { version, keys, tiers, planes, holders } = value;
  return (
    typeof version === 'number' &&
    typeof keys === 'string' &&
    isArrayOf(tiers, (tier) => typeof tier === 'string') &&
    isArrayOf(planes, isPairOfNumbers) &&
    isArrayOf(holders, isHolder)
  );
}

function isHolder(value: unknown): boolean {
  if (!isObject(value) || typeof value['life'] !== 'number') return false;
  const { source, groups } = value;
  if (!isObject(source) || !isArrayOf(groups, isGroup)) return false;
  const { pod, dpRank, model, epoch } = source;
  const isNamed = [pod, model, epoch].every((name) => typeof name === 'string');
  return isNamed && typeof dpRank === 'number';
}

function isGroup(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === 'number' && isAttentionGroup(value[1]);
}

function isAttentionGroup(value: unknown): value is AttentionGroup {
  if (!isObject(value)) return false;
  if (value['needs'] === 'window') return typeof value['windowTokens'] === 'number';
  return value['needs'] === 'all' || value['needs'] === 'last';
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
const isArrayOf = (value: unknown, is: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(is);
const isPairOfNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((item) => typeof item === 'number');
