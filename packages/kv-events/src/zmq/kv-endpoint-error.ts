// SPDX-License-Identifier: Apache-2.0

/** An address of event sockets that cannot be used. */
export class KvEndpointError extends Error {
  readonly code = 'KV_ENDPOINT';
  readonly endpoint: string;

  constructor(endpoint: string, problem: string, options?: ErrorOptions) {
    super(`KV event endpoint ${endpoint}: ${problem}`, options);
    this.name = 'KvEndpointError';
    this.endpoint = endpoint;
  }
}
