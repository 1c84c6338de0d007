// SPDX-License-Identifier: Apache-2.0
import type { PrefixTokenCacheStats } from '../encoding/prefix-token-cache.ts';
import type { ContentFormat } from '../template/content-format.ts';
import type { TokenizerErrorCode } from '../tokenizer-error.ts';
import type { TokenizedApi } from '../tokenizer.ts';

/** What a worker is started with. */
export interface WorkerSettings {
  readonly purpose: 'llm-d-tokenizer';
  readonly directory: string;
  readonly chatTemplateFile: string | undefined;
  readonly contentFormat: ContentFormat | undefined;
  /** JSON, in which numbers keep their form on the way. */
  readonly defaultTemplateKwargs: string | undefined;
  readonly cacheBytes: number | undefined;
}

/** A request for a worker. */
export interface WorkerCall {
  readonly id: number;
  readonly api: TokenizedApi;
  /** JSON in UTF-8; handed over, not copied. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Time of day (ms since the epoch). */
  readonly epochMs: number;
}

/** What a worker has to say: once whether it can work at all, then one report for each call. */
export type WorkerReport =
  | { readonly kind: 'ready'; readonly contentFormat: ContentFormat | undefined }
  | { readonly kind: 'unusable'; readonly code: TokenizerErrorCode; readonly message: string }
  | {
      readonly kind: 'tokens';
      readonly id: number;
      /** Handed over, not copied. */
      readonly ids: Uint32Array<ArrayBuffer>;
      readonly promptStarts: readonly number[];
      readonly cache: PrefixTokenCacheStats;
    }
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly code: TokenizerErrorCode;
      readonly message: string;
    };

/** Whether a thread was started as a tokenizer's worker. */
export const isWorkerSettings = (data: unknown): data is WorkerSettings =>
  typeof data === 'object' &&
  data !== null &&
  'purpose' in data &&
  data.purpose === 'llm-d-tokenizer';
