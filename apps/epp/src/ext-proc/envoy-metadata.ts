// SPDX-License-Identifier: Apache-2.0
import { destinationEndpointKey, subsetHintKey, subsetHintNamespace } from '@llm-d/endpoint-picker';
import {
  encodeMetadataText,
  processingResponse,
  type Metadata,
  type Struct,
  type StructInit,
  type Value,
  type ValueInit,
} from '@llm-d/protos';
import type { DynamicMetadata } from '@llm-d/scheduler-core';

/** Metadata namespace of load balancing, in which a proxy looks for its destination. */
const LB_NAMESPACE = 'envoy.lb';
const SCORES_KEY = 'x-gateway-destination-endpoint-scores';

/** The endpoints that a proxy limits a request to; undefined where it does not. */
export function subsetHintOf(metadata: Metadata | null): string | readonly string[] | undefined {
  const hint = metadata?.filterMetadata[subsetHintNamespace]?.fields[subsetHintKey];
  if (hint === undefined) return undefined;
  if (hint.stringValue !== null) return hint.stringValue;
  // What is no list of texts names nobody, and so lets nobody through.
  return (hint.listValue?.values ?? []).map(({ stringValue }) => stringValue ?? '');
}

/** Everything a proxy sent along, as plain data; undefined where that is nothing. */
export function plainMetadata(metadata: Metadata | null): DynamicMetadata | undefined {
  if (metadata === null) return undefined;
  const plain: Record<string, Record<string, unknown>> = {};
  for (const [namespace, struct] of Object.entries(metadata.filterMetadata)) {
    plain[namespace] = plainStruct(struct);
  }
  return plain;
}

const plainStruct = ({ fields }: Struct): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainValue(value)]));

function plainValue(value: Value): unknown {
  if (value.structValue !== null) return plainStruct(value.structValue);
  if (value.listValue !== null) return value.listValue.values.map(plainValue);
  return value.stringValue ?? value.numberValue ?? value.boolValue;
}

/** Tells the proxy where a request goes, and what every scored endpoint scored. Encoded, to follow other fields. */
export function destinationMetadata(
  destination: string,
  scores: ReadonlyMap<string, number> | undefined,
): Buffer {
  if (scores === undefined) {
    return encodeMetadataText(LB_NAMESPACE, destinationEndpointKey, destination);
  }
  const values = [...scores].map(([name, score]) => [name, { numberValue: score }] as const);
  const fields: Record<string, ValueInit> = {
    [destinationEndpointKey]: { stringValue: destination },
    [SCORES_KEY]: { structValue: { fields: Object.fromEntries(values) } },
  };
  const dynamicMetadata = { fields: { [LB_NAMESPACE]: { structValue: { fields } } } };
  return processingResponse.encode({ dynamicMetadata });
}

/** Plain data as the proxy takes it. What has no counterpart becomes null. */
export function structOf(values: Readonly<Record<string, unknown>>): StructInit {
  const fields = Object.entries(values).map(([name, value]) => [name, valueOf(value)] as const);
  return { fields: Object.fromEntries(fields) };
}

function valueOf(value: unknown): ValueInit {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(valueOf) } };
  if (typeof value === 'object' && value !== null) {
    return { structValue: structOf(Object.fromEntries(Object.entries(value))) };
  }
  return { nullValue: 0 };
}
