// SPDX-License-Identifier: Apache-2.0

/** What discovery reads of a Pod, as the API server's JSON says it. */
export interface DiscoveredPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    /** Another one under the same name is another pod. */
    readonly uid?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Whether a pod takes requests: it is ready, and nobody has asked for its end. */
export function isServing({ metadata, status }: DiscoveredPod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}
