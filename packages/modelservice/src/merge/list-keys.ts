// SPDX-License-Identifier: Apache-2.0

/**
 * Lists that are merged item by item, and the fields that tell their items apart. Every other list is replaced as a
 * whole (tolerations, args, command, envFrom, ...).
 */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  imagePullSecrets: ['name'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  resourceClaims: ['name'],
  claims: ['name'],
  schedulingGates: ['name'],
};

/** The fields that tell the items of a list apart, or undefined where it is replaced as a whole. */
export function keysOf(
  list: string,
  items: readonly Readonly<Record<string, unknown>>[],
): readonly string[] | undefined {
  if (list !== 'ports') return Object.hasOwn(KEYS, list) ? KEYS[list] : undefined;
  // The same name for the ports of containers and of services.
  return items.some((item) => 'containerPort' in item)
    ? ['containerPort', 'protocol']
    : ['port', 'protocol'];
}

/** An item's key as text. Protocol TCP is the same as none. */
export const keyOf = (item: Readonly<Record<string, unknown>>, keys: readonly string[]): string =>
  JSON.stringify(
    keys.map((key) => (key === 'protocol' ? (item[key] ?? 'TCP') : (item[key] ?? null))),
  );
