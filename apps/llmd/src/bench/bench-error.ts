// SPDX-License-Identifier: Apache-2.0

/** Something about a benchmark that its user has to change; the message says what. */
export class BenchError extends Error {
  readonly code: 'BAD_OPTION' | 'NO_MODEL' | 'NOTHING_ANSWERED';
  constructor(code: BenchError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BenchError';
    this.code = code;
  }
}
