// SPDX-License-Identifier: Apache-2.0
import type { Fleet } from '../engines/fleet.ts';
import type { GrpcAddress, Transport } from '../proxy/ext-proc-connection.ts';
import type { Setup } from './setup.ts';

/** Why a setup cannot be had from a subject; its cases are skipped. */
export interface SetupUnavailable {
  readonly kind: 'unavailable';
  readonly reason: string;
}

/** The process of an endpoint picker that the kit has started. */
export interface SubjectProcess {
  /** How it ended and what it said last; undefined while it runs. */
  readonly ended: string | undefined;
  /** Sends it SIGTERM. */
  terminate(): void;
  /** Its exit code, null for an end by a signal; undefined when it still runs after `waitMs`. */
  exit(waitMs: number): Promise<number | null | undefined>;
}

/** An endpoint picker that serves. Disposing of it ends what the kit has started. */
export interface RunningSubject extends AsyncDisposable {
  readonly kind: 'running';
  readonly grpc: GrpcAddress;
  readonly transport: Transport | 'auto';
  /** Undefined: nobody said where it is. */
  readonly health: GrpcAddress | undefined;
  /** URL of its metrics page. Undefined: nobody said where it is. */
  readonly metricsUrl: string | undefined;
  readonly fleet: Fleet;
  /** Undefined: the kit has not started it. */
  readonly process: SubjectProcess | undefined;
}

/** The endpoint picker that is judged. */
export interface Subject {
  /** How a report names it. */
  readonly name: string;
  /**
   * Makes it serve in a setup. Resolves when its port accepts connections and its endpoints are told; rejects with
   * {@link SubjectStartError}.
   */
  start(setup: Setup): Promise<RunningSubject | SetupUnavailable>;
}

/** The endpoint picker did not come up. */
export class SubjectStartError extends Error {
  readonly code = 'SUBJECT_START';
  readonly setup: string;
  constructor(setup: string, problem: string, options?: ErrorOptions) {
    super(`with ${setup}: ${problem}`, options);
    this.name = 'SubjectStartError';
    this.setup = setup;
  }
}
