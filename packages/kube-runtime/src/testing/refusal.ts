// SPDX-License-Identifier: Apache-2.0

/** Why the fake refuses a request, in the words of an API server. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;
  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The `metav1.Status` that is sent. */
  toStatus(): object {
    const { status: code, reason, message, retryAfterSeconds } = this;
    return {
      apiVersion: 'v1',
      kind: 'Status',
      status: 'Failure',
      code,
      reason,
      message,
      ...(retryAfterSeconds !== undefined && { details: { retryAfterSeconds } }),
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
