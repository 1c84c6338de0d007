// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';

const DEFAULT_USER = 1000;

/** Security context of a pod, by the profile of the ModelService; empty where the cluster decides. */
export function podSecurityOf({ spec, capabilities }: Settings): JsonObject {
  const { profile = 'restricted', runAsUser } = spec.security ?? {};
  if (profile === 'unset') return {};
  const seccomp = { seccompProfile: { type: 'RuntimeDefault' } };
  if (profile === 'baseline') return { ...seccomp, ...(runAsUser !== undefined && { runAsUser }) };
  const user = runAsUser ?? (capabilities.openShift ? undefined : DEFAULT_USER);
  return {
    runAsNonRoot: true,
    // Claims are to be written by that user too.
    ...(user !== undefined && {
      runAsUser: user,
      fsGroup: user,
      fsGroupChangePolicy: 'OnRootMismatch',
    }),
    ...seccomp,
  };
}

/** Security context of each container. */
export function containerSecurityOf({ spec }: Settings): JsonObject {
  switch (spec.security?.profile ?? 'restricted') {
    case 'unset':
      return {};
    case 'baseline':
      return { allowPrivilegeEscalation: false };
    case 'restricted':
      return { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  }
}
