// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';

/** Port of the endpoint picker's ext_proc. */
export const EXT_PROC_PORT = 9002;

/** The ports of a pool: those of the servers that answer, one for every rank that is an endpoint. */
export const poolPortsOf = ({ roles }: Settings): readonly number[] =>
  roles[0]?.ports.service ?? [8000];

/** What the endpoint picker calls the pool in its metrics: itself, where there is no pool. */
export const measuredPoolOf = ({ names, capabilities }: Settings): string =>
  capabilities.inferencePool ? names.pool : names.epp;

/** The pool of all servers, as v1 of the Gateway API Inference Extension has it. */
export function inferencePoolOf(settings: Settings): RenderedObject {
  const { names, labels, spec } = settings;
  return {
    apiVersion: 'inference.networking.k8s.io/v1',
    kind: 'InferencePool',
    metadata: { name: names.pool, labels: labels.object },
    spec: {
      selector: { matchLabels: labels.pool },
      targetPorts: poolPortsOf(settings).map((number) => ({ number })),
      endpointPickerRef: {
        group: '',
        kind: 'Service',
        name: names.eppService,
        port: { number: EXT_PROC_PORT },
        failureMode: spec.endpointPicker?.failureMode ?? 'FailOpen',
      },
    },
  };
}

/** The same pool in the group where it began, which has one port. */
export function legacyPoolOf(settings: Settings): RenderedObject {
  const { names, labels, spec } = settings;
  return {
    apiVersion: 'inference.networking.x-k8s.io/v1alpha2',
    kind: 'InferencePool',
    metadata: { name: names.pool, labels: labels.object },
    spec: {
      selector: labels.pool,
      targetPortNumber: poolPortsOf(settings)[0] ?? 8000,
      extensionRef: {
        name: names.eppService,
        portNumber: EXT_PROC_PORT,
        failureMode: spec.endpointPicker?.failureMode ?? 'FailOpen',
      },
    },
  };
}
