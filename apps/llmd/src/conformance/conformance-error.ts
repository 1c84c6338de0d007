// SPDX-License-Identifier: Apache-2.0

/** Flags that do not fit together, or that make no sense. */
export class ConformanceFlagError extends Error {
  readonly code = 'CONFORMANCE_FLAG';
  constructor(message: string) {
    super(message);
    this.name = 'ConformanceFlagError';
  }
}

/** An endpoint picker does not conform. */
export class NotConformingError extends Error {
  readonly code = 'NOT_CONFORMING';
  /** Cases of level `must` that fail. */
  readonly failed: number;
  constructor(failed: number) {
    super(
      failed === 0
        ? 'no case of level must could be judged'
        : `the endpoint picker does not conform: ${failed === 1 ? 'a case' : `${failed} cases`} of level must ${failed === 1 ? 'fails' : 'fail'}`,
    );
    this.name = 'NotConformingError';
    this.failed = failed;
  }
}
