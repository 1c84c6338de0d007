// SPDX-License-Identifier: Apache-2.0

/** Thrown by a reconciliation that would fail again in the same way: it is not repeated until something changes. */
export class TerminalError extends Error {
  readonly code = 'TERMINAL';
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'TerminalError';
  }
}
