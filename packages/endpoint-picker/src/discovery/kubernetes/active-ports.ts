// SPDX-License-Identifier: Apache-2.0

/** Annotations that name the ports of a pod that take requests; the first one that a pod has counts. */
export const activePortsAnnotations = [
  'llm-d.ai/active-ports',
  'inference.networking.k8s.io/active-ports',
] as const;

/**
 * The ports that a pod declares to be active, or undefined where it declares nothing and so all are. Parts of the list
 * that are no number are left out, as in llm-d: a list of such parts means no port at all.
 */
export function activePorts(
  annotations: Readonly<Record<string, string>> | undefined,
): ReadonlySet<number> | undefined {
  const name = activePortsAnnotations.find((candidate) => annotations?.[candidate] !== undefined);
  const text = name === undefined ? undefined : annotations?.[name];
  if (text === undefined) return undefined;
  // As Go's Sscanf with %d: what follows the digits does not matter.
  return new Set(
    text
      .split(',')
      .flatMap((part) => /^\s*(\d+)/.exec(part)?.[1] ?? [])
      .map(Number),
  );
}
