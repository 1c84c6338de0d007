// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import { defined } from '../json.ts';
import type { Settings } from '../settings/settings.ts';

/** The claim that keeps what is fetched, where a ModelService asks for one of its own. */
export function modelCacheClaimOf({ spec, names, labels }: Settings): RenderedObject | undefined {
  const pvc = spec.model?.cache?.pvc;
  if (pvc?.size === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: names.modelCache, labels: labels.object },
    spec: defined({
      accessModes: pvc.accessModes ?? ['ReadWriteMany'],
      storageClassName: pvc.storageClassName,
      resources: { requests: { storage: pvc.size } },
    }),
  };
}
