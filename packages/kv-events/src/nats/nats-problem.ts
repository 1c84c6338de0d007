// SPDX-License-Identifier: Apache-2.0
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { KvBusError } from '../bus/kv-bus-error.ts';

const UNAVAILABLE = 500;
const TOO_MANY = 429;

/**
 * What went wrong for good, as a `KvBusError`; undefined where another try may help:
 * - an answer of JetStream with a status below 500 (except 429): refused
 * - not allowed: unauthorized
 * - larger than the server takes: refused
 * - the connection was closed on purpose: closed
 * - no answer, no one to answer, a lost connection, 5xx: undefined
 */
export function lastingProblem(error: unknown): KvBusError | undefined {
  if (error instanceof KvBusError) return error;
  if (error instanceof JetStreamApiError) {
    if (error.status >= UNAVAILABLE || error.status === TOO_MANY) return undefined;
    return new KvBusError('KV_BUS_REFUSED', `JetStream refuses: ${error.message}`, {
      cause: error,
    });
  }
  const denied = [error, error instanceof Error ? error.cause : undefined].find(
    (candidate) => candidate instanceof errors.PermissionViolationError,
  );
  if (denied instanceof Error) {
    return new KvBusError('KV_BUS_UNAUTHORIZED', `NATS does not allow it: ${denied.message}`, {
      cause: error,
    });
  }
  if (error instanceof errors.InvalidArgumentError) {
    return new KvBusError('KV_BUS_REFUSED', error.message, { cause: error });
  }
  if (
    error instanceof errors.ClosedConnectionError ||
    error instanceof errors.DrainingConnectionError
  ) {
    return new KvBusError('KV_BUS_CLOSED', 'the bus is closed', { cause: error });
  }
  return undefined;
}
