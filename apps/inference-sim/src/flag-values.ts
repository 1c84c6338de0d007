// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError } from 'commander';

/** A flag that parses but makes no sense. */
export class FlagError extends Error {
  readonly code = 'FLAG_INVALID';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FlagError';
  }
}

/** A number within bounds, or an error that says which. */
export function numeric(rule: { min: number; max?: number; whole?: boolean }) {
  const { min, max = Infinity, whole = false } = rule;
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))) {
      return value;
    }
    const range = max === Infinity ? `from ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It must be a ${whole ? 'whole ' : ''}number ${range}.`);
  };
}

/** A whole number from 1. */
export const count = numeric({ min: 1, whole: true });
export const milliseconds = numeric({ min: 0 });
