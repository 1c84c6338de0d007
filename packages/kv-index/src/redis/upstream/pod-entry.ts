// SPDX-License-Identifier: Apache-2.0

/** Who has a block, as llm-d writes it into the field of a hash. */
export interface PodEntry {
  /** `ip:port`. */
  readonly pod: string;
  /** `gpu`, `cpu`, …; empty for speculative entries. */
  readonly tier: string;
  readonly speculative: boolean;
  /** Null where the engine named none. */
  readonly group: number | null;
}

/** The field's text. Fields are compared as bytes, so the order of names is part of it. */
export function podEntryText({ pod, tier, speculative, group }: PodEntry): string {
  const text = JSON.stringify({
    PodIdentifier: pod,
    DeviceTier: tier,
    Speculative: speculative,
    HasGroup: group !== null,
    GroupIdx: group ?? 0,
  });
  return text.replace(/[<>&\u2028\u2029]/g, escaped);
}

/** Go's encoder also escapes what HTML and JavaScript would trip over. */
const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Reads a field. Undefined for text that is no entry, which llm-d passes over as well. */
export function parsePodEntry(text: string): PodEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // Whatever object it is, reading fields of it is safe.
  const entry = value as Readonly<Record<string, unknown>>;
  const { PodIdentifier: pod, DeviceTier: tier, GroupIdx: group } = entry;
  if (typeof pod !== 'string') return undefined;
  const hasGroup = entry['HasGroup'] === true && typeof group === 'number';
  return {
    pod,
    tier: typeof tier === 'string' ? tier : '',
    speculative: entry['Speculative'] === true,
    group: hasGroup ? group : null,
  };
}

/** A key as llm-d names it: the unsigned number in decimal. */
export const decimalKey = (low: number, high: number): string =>
  high === 0 ? String(low) : ((BigInt(high) << 32n) | BigInt(low)).toString();
