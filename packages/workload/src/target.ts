// SPDX-License-Identifier: Apache-2.0
import type { WorkloadRequest } from './workload.ts';

/** Why a request did not end well. */
export const FAILURE_KINDS = [
  /** Not sent, because the most requests allowed were in flight at its time. */
  'dropped',
  /** No connection, or lost before the response began. */
  'connect',
  /** A status other than 200; `status` says which. */
  'http',
  /** No end within the time allowed. */
  'timeout',
  /** The response ended or broke off before it was complete. */
  'truncated',
  /** An error reported inside the stream of a response that had begun well. */
  'stream-error',
  /** A response that is not what the API promises. */
  'invalid-response',
  /** Given up because the run was aborted. */
  'aborted',
] as const;

/** Why a request did not end well. */
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** Why a request did not end well, for machines and for people. */
export interface RequestFailure {
  readonly kind: FailureKind;
  readonly message: string;
}

/** Token counts as the server reports them. */
export interface ReportedUsage {
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** Prompt tokens that came from a prefix cache. */
  readonly cachedTokens?: number;
}

/** What a target tells of one request, in this order; exactly one of `onEnd` and `onFailure` comes, and comes last. */
export interface TargetCallbacks {
  /** The response has begun. `endpoint` is the model server that answers, if it says so. */
  onResponse(response: { readonly status?: number; readonly endpoint?: string }): void;
  /** A piece of the answer has come: one streamed event, or the whole text when it is not streamed. */
  onContent(text: string): void;
  /** The server has counted; may come more than once, the last one counts. */
  onUsage(usage: ReportedUsage): void;
  onEnd(): void;
  onFailure(failure: RequestFailure): void;
}

/** A request under way. */
export interface Submission {
  /** Gives it up: nothing is called back any more. After the end it does nothing. */
  abort(): void;
}

/** Where requests go: an HTTP server, or an engine in the same process in virtual time. */
export interface Target {
  /** Whether answers come piece by piece; if not, there is no time to first token. */
  readonly streaming: boolean;
  /** Sends the request. Never calls back before it has returned. */
  submit(request: WorkloadRequest, callbacks: TargetCallbacks): Submission;
}
