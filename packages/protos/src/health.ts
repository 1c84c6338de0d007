// SPDX-License-Identifier: Apache-2.0
import { codecOf, type Codec } from './codec.ts';
import { grpc } from './gen/codecs.ts';
import type {
  HealthCheckRequest,
  HealthCheckRequestInit,
  HealthCheckResponse,
  HealthCheckResponseInit,
  HealthListRequest,
  HealthListRequestInit,
  HealthListResponse,
  HealthListResponseInit,
} from './gen/messages.ts';

// The generated root carries no types of its own.
const generated = (grpc as unknown as { health: { v1: Record<string, unknown> } }).health.v1;

/** The service a health check or a watch asks about; empty means the whole server. */
export const healthCheckRequest: Codec<HealthCheckRequest, HealthCheckRequestInit> = codecOf(
  'grpc.health.v1.HealthCheckRequest',
  generated['HealthCheckRequest'],
);

/** One service's status. */
export const healthCheckResponse: Codec<HealthCheckResponse, HealthCheckResponseInit> = codecOf(
  'grpc.health.v1.HealthCheckResponse',
  generated['HealthCheckResponse'],
);

/** Asks for every service at once; has no fields. */
export const healthListRequest: Codec<HealthListRequest, HealthListRequestInit> = codecOf(
  'grpc.health.v1.HealthListRequest',
  generated['HealthListRequest'],
);

/** The status of every service by name. */
export const healthListResponse: Codec<HealthListResponse, HealthListResponseInit> = codecOf(
  'grpc.health.v1.HealthListResponse',
  generated['HealthListResponse'],
);
