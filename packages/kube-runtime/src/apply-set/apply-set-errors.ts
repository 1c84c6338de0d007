// SPDX-License-Identifier: Apache-2.0
import type { ObjectKey } from '../client/resource-path.ts';
import type { ApplySetReport } from './apply-set.ts';

/** A set, or one of its objects, that is not ours to apply. Nothing was written of it, and nothing will be by trying again. */
export class ApplySetRefusedError extends Error {
  readonly code = 'APPLY_SET_REFUSED';
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'ApplySetRefusedError';
  }
}

/** An object that could not be applied or pruned. */
export interface ApplySetFailure {
  /** Such as `Deployment.apps`. */
  readonly groupKind: string;
  readonly key: ObjectKey;
  readonly error: Error;
}

/**
 * Some objects of a set could not be applied or pruned; the others were, but nothing is pruned before everything is
 * applied. Applying again goes on from there.
 */
export class ApplySetIncompleteError extends Error {
  readonly code = 'APPLY_SET_INCOMPLETE';
  readonly failures: readonly ApplySetFailure[];
  /** What was done all the same. */
  readonly report: ApplySetReport;
  constructor(failures: readonly ApplySetFailure[], report: ApplySetReport) {
    const [first] = failures;
    const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
    super(
      `${first?.groupKind ?? ''} ${first?.key.name ?? ''}: ${first?.error.message ?? ''}${more}`,
      { cause: first?.error },
    );
    this.name = 'ApplySetIncompleteError';
    this.failures = failures;
    this.report = report;
  }
}
