// SPDX-License-Identifier: Apache-2.0
import { childName, MAX_GROUP_NAME } from './names.ts';

/** Names of what belongs to a ModelService; those of the first version are kept. */
export interface ChildNames {
  readonly decode: string;
  readonly prefill: string;
  /** Of LeaderWorkerSets, which may be shorter. */
  readonly decodeGroup: string;
  readonly prefillGroup: string;
  readonly decodeService: string;
  readonly prefillService: string;
  readonly serviceAccount: string;
  readonly modelCache: string;
  readonly epp: string;
  readonly eppService: string;
  readonly eppServiceAccount: string;
  readonly eppRole: string;
  readonly eppRoleBinding: string;
  readonly eppConfig: string;
  readonly pool: string;
  readonly inferenceModel: string;
  readonly route: string;
  readonly proxyConfig: string;
  readonly proxyService: string;
}

/** The names of the children of `owner`. */
export const childNamesOf = (owner: string): ChildNames => ({
  decode: childName(owner, '-decode'),
  prefill: childName(owner, '-prefill'),
  decodeGroup: childName(owner, '-decode', MAX_GROUP_NAME),
  prefillGroup: childName(owner, '-prefill', MAX_GROUP_NAME),
  decodeService: childName(owner, '-service-decode'),
  prefillService: childName(owner, '-service-prefill'),
  serviceAccount: childName(owner, '-sa'),
  modelCache: childName(owner, '-model-cache'),
  epp: childName(owner, '-epp'),
  eppService: childName(owner, '-epp-service'),
  eppServiceAccount: childName(owner, '-epp-sa'),
  eppRole: childName(owner, '-epp-role'),
  eppRoleBinding: childName(owner, '-epp-rolebinding'),
  eppConfig: childName(owner, '-epp-config'),
  pool: childName(owner, '-inference-pool'),
  inferenceModel: childName(owner, ''),
  route: childName(owner, '-http-route'),
  proxyConfig: childName(owner, '-proxy-config'),
  proxyService: childName(owner, '-gateway'),
});
