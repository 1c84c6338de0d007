// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { goDuration } from './go-duration.ts';
import { quantity } from './quantity.ts';

/** The API group and version of a configuration. */
export const API_VERSION = 'llm-d.ai/v1alpha1';
/** What it was called before; still accepted. */
export const DEPRECATED_API_VERSION = 'inference.networking.x-k8s.io/v1alpha1';

const pluginRef = z.strictObject({ pluginRef: z.string().min(1) });

/** One entry of `plugins`; its parameters are checked by its type. */
export const pluginEntry = z.strictObject({
  name: z.string().optional(),
  type: z.string().min(1),
  parameters: z.record(z.string(), z.unknown()).default({}),
});

const profile = z.strictObject({
  name: z.string().min(1),
  plugins: z
    .array(z.strictObject({ pluginRef: z.string().min(1), weight: z.number().optional() }))
    .default([]),
});

const dataLayer = z.strictObject({
  injectDefaults: z.boolean().default(true),
  sources: z
    .array(
      z.strictObject({ pluginRef: z.string().min(1), extractors: z.array(pluginRef).default([]) }),
    )
    .default([]),
  discovery: pluginRef.optional(),
  peerDiscovery: pluginRef.optional(),
  crossReplicaSyncerPluginRef: z.string().min(1).optional(),
  crossReplicaSyncInterval: goDuration.optional(),
});

const band = {
  maxBytes: quantity.prefault('1G'),
  maxRequests: quantity.prefault(5000),
  defaultRequestTTL: goDuration.optional(),
  fairnessPolicyRef: z.string().min(1).optional(),
  orderingPolicyRef: z.string().min(1).optional(),
};

const flowControl = z.strictObject({
  maxBytes: quantity.default(0),
  maxRequests: quantity.default(0),
  defaultRequestTTL: goDuration.optional(),
  noEndpointRequestTTL: goDuration.optional(),
  defaultPriorityBand: z.strictObject(band).optional(),
  defaultNegativePriorityBand: z.strictObject(band).optional(),
  priorityBands: z.array(z.strictObject({ priority: z.int(), ...band })).default([]),
  usageLimitPolicyPluginRef: z.string().min(1).optional(),
  saturationDetector: pluginRef.optional(),
  enableEviction: z.boolean().default(false),
});

/** What `flowControl` says where it says nothing. */
export const defaultFlowControl: FlowControlSection = flowControl.parse({});

/**
 * The sections of an EndpointPickerConfig, each checked on its own, so that a mistake in one does not
 * hide those in the others. Plugins are checked entry by entry.
 */
export const configSections = {
  apiVersion: z.enum([API_VERSION, DEPRECATED_API_VERSION]),
  kind: z.literal('EndpointPickerConfig'),
  featureGates: z.array(z.string()).default([]),
  plugins: z.array(z.unknown()).default([]),
  schedulingProfiles: z.array(profile).default([]),
  dataLayer: dataLayer.prefault({}),
  requestHandler: z.strictObject({ parsers: z.array(pluginRef).default([]) }).prefault({}),
  flowControl: flowControl.optional(),
  saturationDetector: pluginRef.optional(),
  parser: pluginRef.optional(),
};

export type PluginRef = z.output<typeof pluginRef>;
export type ProfileSection = z.output<typeof profile>;
export type DataLayerSection = z.output<typeof dataLayer>;
export type FlowControlSection = z.output<typeof flowControl>;
export type BandSection = NonNullable<FlowControlSection['defaultPriorityBand']>;
