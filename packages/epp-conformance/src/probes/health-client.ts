// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '@llm-d/determinism';
import { healthCheckRequest, healthCheckResponse, ServingStatus } from '@llm-d/protos';
import type { GrpcAddress } from '../proxy/ext-proc-connection.ts';
import { Mailbox } from '../proxy/mailbox.ts';

/** What a health service says about one of its services. */
export type Health =
  'SERVING' | 'NOT_SERVING' | 'UNKNOWN' | 'SERVICE_UNKNOWN' | { readonly error: string };

/** Asks a gRPC health service. */
export interface HealthClient extends Disposable {
  /** What it says about a service now. */
  check(service: string): Promise<Health>;
  /** What it says about a service, and each time that this changes. */
  watch(service: string): HealthWatch;
}

export interface HealthWatch extends Disposable {
  /** The next status; undefined when none came in time. */
  next(): Promise<Health | undefined>;
}

const CHECK = '/grpc.health.v1.Health/Check';
const WATCH = '/grpc.health.v1.Health/Watch';

/** A client of the health service at an address, which speaks plaintext as probes do. */
export function createHealthClient(
  { host, port }: GrpcAddress,
  options: { readonly clock: Clock; readonly waitMs: number },
): HealthClient {
  const { clock, waitMs } = options;
  const client = new Client(`${host}:${port}`, credentials.createInsecure());
  const deadline = (): { readonly deadline: number } => ({ deadline: clock.epochMs() + waitMs });
  return {
    check: (service) =>
      new Promise((resolve) => {
        const answered = (error: ServiceError | null, health: Health = 'UNKNOWN') => {
          resolve(error === null ? health : { error: wordsOf(error) });
        };
        client.makeUnaryRequest(CHECK, encode, decode, service, deadline(), answered);
      }),
    watch: (service) => {
      const statuses = new Mailbox<Health>(clock);
      const call = client.makeServerStreamRequest(WATCH, encode, decode, service);
      call.on('data', (health: Health) => {
        statuses.put(health);
      });
      call.on('error', (error: ServiceError) => {
        if (error.code !== status.CANCELLED) statuses.put({ error: wordsOf(error) });
      });
      return {
        next: () => statuses.take(waitMs),
        [Symbol.dispose]: () => {
          call.cancel();
        },
      };
    },
    [Symbol.dispose]: () => {
      client.close();
    },
  };
}

const encode = (service: string): Buffer => healthCheckRequest.encode({ service });

function decode(bytes: Buffer): Health {
  switch (healthCheckResponse.decode(bytes).status) {
    case ServingStatus.SERVING:
      return 'SERVING';
    case ServingStatus.NOT_SERVING:
      return 'NOT_SERVING';
    case ServingStatus.SERVICE_UNKNOWN:
      return 'SERVICE_UNKNOWN';
    default:
      return 'UNKNOWN';
  }
}

const wordsOf = ({ code, details }: ServiceError): string => `${status[code]}: ${details}`;
