// SPDX-License-Identifier: Apache-2.0
import type { Span } from '@llm-d/telemetry';
import type { ServerResponse } from 'node:http';
import type { Pool } from 'undici';
import type { InferenceRequest } from '../connectors/connector.ts';
import type { Target } from '../routing/target.ts';

/** An inference request, read and cleaned, with where its answer goes. */
export interface Inbound extends InferenceRequest {
  /** The client's, or one of our own. */
  readonly id: string;
  /** With its query. */
  readonly path: string;
  /** The client's heads as engines get them. */
  readonly passed: readonly string[];
  /** Who holds a prefix of the prompt, where engines can pull it. */
  readonly kvCacheSource: Target | undefined;
  readonly decodePool: Pool;
  readonly response: ServerResponse;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  readonly span: Span;
  /** What becomes of it, for the log. */
  readonly record: RequestRecord;
}

/** What became of a request, and why. */
export interface RequestRecord {
  /** `undecided` until somebody serves it. */
  route: 'undecided' | 'prefill-decode' | 'decode' | 'refused';
  /** Why this route. */
  reason: string;
  /** Prefillers that were tried, each with how that ended. */
  readonly tried: { readonly target: string; readonly outcome: string }[];
  /** How the answer ended. */
  end: string;
}
