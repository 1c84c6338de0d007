// SPDX-License-Identifier: Apache-2.0

/** What the ports of a pool speak, as InferencePool says it. */
export type AppProtocol = 'http' | 'kubernetes.io/h2c';

/** Which pods are in a pool, and where they serve. */
export interface EndpointPool {
  readonly namespace: string;
  readonly name: string;
  /** Labels that a pod must all carry; at least one. */
  readonly matchLabels: Readonly<Record<string, string>>;
  /** One endpoint of each pod for every one; its place is the data-parallel rank. */
  readonly targetPorts: readonly number[];
  readonly appProtocol: string;
}

/** An InferencePool as it may stand in an API server, of `v1` or of the `v1alpha2` before it. */
export interface DiscoveredPool {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: {
    readonly selector?: object;
    readonly targetPorts?: readonly { readonly number: number }[];
    /** The only port that `v1alpha2` knows. */
    readonly targetPortNumber?: number;
    readonly appProtocol?: string;
  };
}

/**
 * The pool that an InferencePool describes. Undefined where it selects nothing or has no port, which would be a mistake to
 * read as everything, and where somebody has asked for its end.
 */
export function endpointPoolOf({ metadata, spec }: DiscoveredPool): EndpointPool | undefined {
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const matchLabels = matchLabelsOf(spec?.selector ?? {});
  const { targetPortNumber, targetPorts = [] } = spec ?? {};
  const ports = targetPorts.map(({ number }) => number);
  if (ports.length === 0 && targetPortNumber !== undefined) ports.push(targetPortNumber);
  if (Object.keys(matchLabels).length === 0 || ports.length === 0) return undefined;
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    matchLabels,
    targetPorts: ports,
    appProtocol: spec?.appProtocol ?? 'http',
  };
}

/** `v1` has the labels under `matchLabels`, `v1alpha2` has nothing else. */
function matchLabelsOf(selector: object): Readonly<Record<string, string>> {
  const labels: unknown = 'matchLabels' in selector ? selector.matchLabels : selector;
  if (typeof labels !== 'object' || labels === null) return {};
  return Object.fromEntries(
    Object.entries(labels).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}

/** Whether labels have everything that a selector asks for. */
export const matchesLabels = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> = {},
): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value);

/** A selector as the API server takes it in a query; equal selectors give equal text. */
export const labelSelectorText = (selector: Readonly<Record<string, string>>): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Reads a selector such as `app=vllm,role==decode`. Undefined where it is none, or selects everything. */
export function parseLabelSelector(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = text.split(',').map((part) => part.trim().split(/\s*==?\s*/));
  const selector = Object.fromEntries(
    pairs.flatMap(([key, value, more]) =>
      key !== undefined && value !== undefined && more === undefined ? [[key, value]] : [],
    ),
  );
  const entries = Object.entries(selector);
  const isValid =
    entries.length === pairs.length &&
    entries.every(([key, value]) => KEY.test(key) && VALUE.test(value));
  return isValid ? selector : undefined;
}
