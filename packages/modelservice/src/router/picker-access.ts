// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';

const READ = ['get', 'list', 'watch'];

/** What the endpoint picker may do: read pods, pools, objectives and rewrites of its namespace, and lead where it has peers. */
export function pickerAccessOf({
  names,
  labels,
  spec,
  namespace = 'default',
}: Settings): readonly RenderedObject[] {
  const metadata = (name: string) => ({ name, labels: labels.object });
  const leads = (spec.endpointPicker?.replicas ?? 1) > 1;
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(names.eppServiceAccount),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: metadata(names.eppRole),
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: READ },
        {
          apiGroups: ['inference.networking.k8s.io', 'inference.networking.x-k8s.io', 'llm-d.ai'],
          resources: ['inferencepools', 'inferenceobjectives', 'inferencemodelrewrites'],
          verbs: READ,
        },
        ...(leads ? LEADING : []),
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: metadata(names.eppRoleBinding),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: names.eppRole },
      subjects: [{ kind: 'ServiceAccount', name: names.eppServiceAccount, namespace }],
    },
  ];
}

const LEADING = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: [...READ, 'create', 'update', 'patch', 'delete'],
  },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];
