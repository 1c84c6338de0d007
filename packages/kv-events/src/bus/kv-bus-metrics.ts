// SPDX-License-Identifier: Apache-2.0
import { defineCounter, defineGauge } from '@llm-d/telemetry';

export const publishedMessages = defineCounter(
  'llm_d_kv_bus_published_messages_total',
  'Messages that the bus has taken, by kind.',
  ['kind'],
);
export const publishedBytes = defineCounter(
  'llm_d_kv_bus_published_bytes_total',
  'Bytes of payload that the bus has taken.',
);
export const publishRetries = defineCounter(
  'llm_d_kv_bus_publish_retries_total',
  'Attempts to publish that were repeated because no answer came or the server was not able.',
);
export const publishesUnderWay = defineGauge(
  'llm_d_kv_bus_publishes_under_way',
  'Messages that were handed over and that the bus has not taken yet.',
);
export const readMessages = defineCounter(
  'llm_d_kv_bus_read_messages_total',
  'Messages that readers have taken, by kind.',
  ['kind'],
);
export const redeliveries = defineCounter(
  'llm_d_kv_bus_redeliveries_total',
  'Messages handed to a reader again because it failed.',
);
export const truncatedMessages = defineCounter(
  'llm_d_kv_bus_truncated_messages_total',
  'Messages that a reader missed because the bus no longer had them.',
);
export const unreadableMessages = defineCounter(
  'llm_d_kv_bus_unreadable_messages_total',
  'Messages passed over because they are not what this bus publishes.',
);
export const connected = defineGauge(
  'llm_d_kv_bus_connected',
  '1 while the server can be reached, 0 otherwise.',
);

/** Everything that buses count. */
export const kvBusMetrics = [
  publishedMessages,
  publishedBytes,
  publishRetries,
  publishesUnderWay,
  readMessages,
  redeliveries,
  truncatedMessages,
  unreadableMessages,
  connected,
] as const;
