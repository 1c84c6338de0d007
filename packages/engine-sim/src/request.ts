// SPDX-License-Identifier: Apache-2.0

/** An image, a sound or a video among the tokens of a prompt. */
export interface MediaItem {
  /** Names its content: equal identifiers mean equal media. */
  readonly identifier: string;
  /** Where its placeholder tokens begin in the prompt, and how many they are. */
  readonly startToken: number;
  readonly lengthTokens: number;
}

/** What an engine is asked to do. Token ids are opaque to it: equal ids mean equal text. */
export interface EngineRequest {
  /** At least one token. Kept until the sequence ends, so leave it unchanged. */
  readonly promptTokens: Uint32Array;
  /** Most tokens to generate, at least 1. Default and upper limit: what the model's length leaves. */
  readonly maxTokens?: number | undefined;
  /**
   * True: generate `maxTokens` tokens whatever happens. Default false: the answer's length is drawn from an exponential
   * distribution (mean `meanOutputTokens` of the engine) and cut at `maxTokens`.
   */
  readonly ignoreEos?: boolean | undefined;
  /** The answer itself, for replaying traces; takes the place of anything drawn and is cut at `maxTokens`. */
  readonly outputTokens?: Uint32Array | undefined;
  /** A loaded adapter that answers instead of the base model. */
  readonly lora?: string | undefined;
  /** Requests with different salts share no cached blocks. */
  readonly cacheSalt?: string | undefined;
  /** What placeholder tokens of the prompt stand for; requests with different media share no blocks from there on. */
  readonly media?: readonly MediaItem[] | undefined;
  /** Repeated in the KV events of the sequence; no other effect. */
  readonly sessionId?: string | undefined;
  /** Makes the drawn answer a function of this number. Default: drawn from the engine's random source. */
  readonly seed?: number | undefined;
}

/** `length`: the limit of tokens was reached. `stop`: the answer ended by itself. `abort`: aborted or engine stopped. */
export type FinishReason = 'stop' | 'length' | 'abort';

/** How a sequence went. Instants are of the engine's clock, undefined where it was not reached. */
export interface SequenceResult {
  readonly finishReason: FinishReason;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  /** Prompt tokens that were found in any cache when the sequence was first admitted. */
  readonly cachedTokens: number;
  /** Of these, tokens that were loaded from an offload tier. */
  readonly offloadedTokens: number;
  readonly preemptions: number;
  readonly arrivedMs: number;
  readonly admittedMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly finishedMs: number;
}

/**
 * Receives what a sequence generates. All sinks of a step are called in one turn of the event loop; they may submit and
 * abort. An exception is logged and aborts the sequence.
 */
export interface SequenceSink {
  /** One generated token and its position in the answer, from 0. */
  onToken?(token: number, index: number): void;
  /** The end, exactly once for an accepted request; after the last token. */
  onFinish(result: SequenceResult): void;
}

/** Why a request was not taken. */
export type RefusalReason =
  /** The waiting queue is full. */
  | 'overloaded'
  /** The prompt and one token exceed the model's length or all of the KV memory. */
  | 'prompt_too_long'
  /** The adapter is not loaded. */
  | 'unknown_lora'
  /** Empty prompt, or `maxTokens` below 1. */
  | 'invalid'
  /** The engine was stopped. */
  | 'stopped';

export type SubmitResult =
  | {
      readonly kind: 'accepted';
      /** Prompt tokens found in any cache at admission; 0 before it. */
      readonly cachedTokens: () => number;
      /** Of these, tokens loaded from an offload tier. */
      readonly offloadedTokens: () => number;
      /** Ends the sequence at once and frees its blocks; its sink's `onFinish` is called before this returns. */
      readonly abort: () => void;
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };
