// SPDX-License-Identifier: Apache-2.0
export { connectNatsKvBus } from './nats-kv-bus.ts';
export { partitionOf, PARTITIONS } from './subject.ts';

export type { NatsKvBus, NatsKvBusOptions, PlacedMessage } from './nats-kv-bus.ts';
export type { NatsCredentials, NatsTls } from './nats-link.ts';
