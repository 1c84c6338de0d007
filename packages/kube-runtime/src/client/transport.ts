// SPDX-License-Identifier: Apache-2.0

/** A request to an API server. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  /** Default `application/json`. Only where there is a body. */
  readonly contentType?: string;
  readonly body?: string;
  /** Ends the request, and the body of its answer, early. */
  readonly signal: AbortSignal;
}

/** Its answer, with the body still on its way. */
export interface KubeResponse {
  readonly status: number;
  /** The `Retry-After` header. */
  readonly retryAfter: string | undefined;
  /**
   * Must be read to its end or left by `break`; rejects when the connection breaks or the request's signal aborts. The
   * chunks may be kept.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** How requests travel: HTTP in production, a function call in tests. */
export interface KubeTransport extends AsyncDisposable {
  /** Rejects where no answer came. */
  send(request: KubeRequest): Promise<KubeResponse>;
}
