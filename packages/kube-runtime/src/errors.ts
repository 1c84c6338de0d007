// SPDX-License-Identifier: Apache-2.0

/** What an API server answers instead of an object (`metav1.Status`), as far as it is read. */
export interface KubeStatus {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly StatusCause[];
  };
}

/** One of the reasons why an object was refused. */
export interface StatusCause {
  readonly field?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface KubeApiErrorOptions {
  /** HTTP status. */
  readonly status: number;
  /** Method and path of the request, without its query. */
  readonly request: string;
  /** What the server said, where it said it in its usual form. */
  readonly answer?: KubeStatus | undefined;
  /** From the `Retry-After` header. */
  readonly retryAfterMs?: number | undefined;
}

/** The API server refused. `status` and `reason` say how to react; the message is for logs. */
export class KubeApiError extends Error {
  readonly code: 'KUBE_API' | 'KUBE_APPLY_CONFLICT' = 'KUBE_API';
  readonly status: number;
  /** Such as `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Expired`, `Invalid`; empty where unsaid. */
  readonly reason: string;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly StatusCause[];
  readonly request: string;

  constructor({ status, request, answer, retryAfterMs }: KubeApiErrorOptions) {
    super(`${request}: ${answer?.message ?? `status ${status}`}`);
    this.name = 'KubeApiError';
    this.status = status;
    this.reason = answer?.reason ?? '';
    const seconds = answer?.details?.retryAfterSeconds;
    this.retryAfterMs = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
    this.causes = answer?.details?.causes ?? [];
    this.request = request;
  }
}

/** A field that somebody else owns, and that an applied configuration would change. */
export interface FieldConflict {
  /** Who owns it. */
  readonly manager: string;
  /** Such as `.spec.replicas` or `.spec.containers[name="app"].image`. */
  readonly field: string;
  /** Through which subresource they wrote it, such as `scale`; empty for the object itself. */
  readonly subresource: string;
}

/** An applied configuration was refused, because others own fields that it would change. It may be forced. */
export class KubeApplyConflictError extends KubeApiError {
  override readonly code = 'KUBE_APPLY_CONFLICT';
  readonly conflicts: readonly FieldConflict[];
  constructor(options: KubeApiErrorOptions) {
    super(options);
    this.name = 'KubeApplyConflictError';
    this.conflicts = this.causes.filter(isFieldConflict).map(({ field = '', message = '' }) => {
      // Only in these words does the server say who it is.
      const said = /^conflict with ("(?:[^"\\]|\\.)*")(?: with subresource "([^"]*)")?/.exec(
        message,
      );
      const [, manager = '"unknown"', subresource = ''] = said ?? [];
      return { manager: String(JSON.parse(manager)), field, subresource };
    });
  }
}

const isFieldConflict = ({ reason }: StatusCause): boolean => reason === 'FieldManagerConflict';

/** The error for a refusal. */
export const refusalError = (options: KubeApiErrorOptions): KubeApiError =>
  options.answer?.details?.causes?.some(isFieldConflict) === true
    ? new KubeApplyConflictError(options)
    : new KubeApiError(options);

/** No answer: the connection failed or broke. `cause` is what the network said. */
export class KubeUnreachableError extends Error {
  readonly code = 'KUBE_UNREACHABLE';
  readonly request: string;
  constructor(request: string, options: { readonly cause: unknown }) {
    const reason = options.cause instanceof Error ? options.cause.message : String(options.cause);
    super(`${request}: ${reason}`, options);
    this.name = 'KubeUnreachableError';
    this.request = request;
  }
}

/** No answer in time. */
export class KubeTimeoutError extends Error {
  readonly code = 'KUBE_TIMEOUT';
  readonly request: string;
  readonly timeoutMs: number;
  constructor(request: string, timeoutMs: number) {
    super(`${request}: no answer within ${timeoutMs} ms`);
    this.name = 'KubeTimeoutError';
    this.request = request;
    this.timeoutMs = timeoutMs;
  }
}

/** An answer that no API server gives, such as the page of a proxy. */
export class KubeProtocolError extends Error {
  readonly code = 'KUBE_PROTOCOL';
  readonly request: string;
  constructor(request: string, problem: string, options?: ErrorOptions) {
    super(`${request}: ${problem}`, options);
    this.name = 'KubeProtocolError';
    this.request = request;
  }
}

/** A kubeconfig, or the files of a service account, that cannot be used. */
export class KubeConfigError extends Error {
  readonly code = 'KUBE_CONFIG';
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'KubeConfigError';
  }
}

const hasStatus = (error: unknown, status: number): boolean =>
  error instanceof KubeApiError && error.status === status;

/** There is no such object, or no such type of object. */
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404);

/** The object has changed since it was read, or exists already. */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409);

/** We may not do that. */
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403);

/** The version that a watch or a page starts from is no longer known. */
export const isExpired = (error: unknown): boolean => hasStatus(error, 410);
