// SPDX-License-Identifier: Apache-2.0
import type { Findings } from '../findings.ts';
import type { RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';
import { pickerConfigMapOf, pickerDeploymentOf, pickerServiceOf } from './endpoint-picker.ts';
import { httpRouteOf } from './http-route.ts';
import { inferencePoolOf, legacyPoolOf } from './inference-pool.ts';
import { objectivesOf } from './objectives.ts';
import { pickerAccessOf } from './picker-access.ts';
import { providerGlueOf } from './provider-glue.ts';
import { standaloneProxyOf } from './standalone-proxy.ts';

/** Endpoint picker, pool and the way to them. */
export function routerOf(settings: Settings, findings: Findings): readonly RenderedObject[] {
  const { gateway, capabilities, spec } = settings;
  const objectives = objectivesOf(settings);
  if (objectives.length > 0 && !capabilities.objectives) {
    findings.warn('spec.objectives', 'the cluster has no InferenceObjective: they are left out');
  }
  return [
    pickerConfigMapOf(settings),
    ...pickerAccessOf(settings),
    pickerServiceOf(settings),
    ...(gateway.mode === 'standalone' ? standaloneProxyOf(settings) : []),
    pickerDeploymentOf(settings),
    ...(capabilities.inferencePool ? [inferencePoolOf(settings)] : []),
    ...(spec.gateway?.poolV1alpha2 === true ? legacyPools(settings, findings) : []),
    ...(capabilities.objectives ? objectives : []),
    ...(gateway.mode === 'gateway' ? [httpRouteOf(settings)] : []),
    ...providerGlueOf(settings),
  ];
}

function legacyPools(settings: Settings, findings: Findings): readonly RenderedObject[] {
  if (settings.capabilities.inferencePoolV1alpha2) return [legacyPoolOf(settings)];
  findings.warn('spec.gateway.poolV1alpha2', 'the cluster has no such pool: it is left out');
  return [];
}
