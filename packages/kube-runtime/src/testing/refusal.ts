// SPDX-License-Identifier: Apache-2.0

import type { StatusCause } from '../errors.ts';

/** What a refusal says beyond its message. */
export interface RefusalDetails {
  readonly retryAfterSeconds?: number | undefined;
  readonly causes?: readonly StatusCause[];
}

/** Why the fake refuses a request, in the words of an API server. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details: RefusalDetails;
  constructor(status: number, reason: string, message: string, details: RefusalDetails = {}) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.reason = reason;
    this.details = details;
  }

  /** The `metav1.Status` that is sent. */
  toStatus(): object {
    const { status: code, reason, message, details } = this;
    return {
      apiVersion: 'v1',
      kind: 'Status',
      status: 'Failure',
      code,
      reason,
      message,
      ...(Object.values(details).some((value) => value !== undefined) && { details }),
    };
  }
}

export const notFound = (what: string): Refusal =>
  new Refusal(404, 'NotFound', `${what} not found`);

export const conflict = (what: string): Refusal =>
  new Refusal(
    409,
    'Conflict',
    `${what} has been modified; apply your changes to the latest version`,
  );

export const expired = (): Refusal =>
  new Refusal(410, 'Expired', 'the resource version is too old');

export const badRequest = (message: string): Refusal => new Refusal(400, 'BadRequest', message);

export const invalid = (message: string): Refusal => new Refusal(422, 'Invalid', message);
