// SPDX-License-Identifier: Apache-2.0

/** What kept a server from answering; `unsendable` is no server's fault: the request is no valid HTTP/1.1. */
export type UpstreamFailure = 'unreachable' | 'reset' | 'timeout' | 'unsendable';

/** What an error of a connection means. */
export function upstreamFailureOf(error: Error & { code?: string }): UpstreamFailure {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'unreachable';
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'timeout';
    case 'UND_ERR_INVALID_ARG':
      return 'unsendable';
    default:
      return 'reset';
  }
}
