// SPDX-License-Identifier: Apache-2.0

/** What the model is asked, as far as placing the request needs to know it. */
export type Prompt =
  | { readonly kind: 'none' }
  /** UTF-8 of everything that becomes part of the prompt, in the engine's order. */
  | { readonly kind: 'text'; readonly bytes: Uint8Array }
  /** The client tokenized already. */
  | { readonly kind: 'tokens'; readonly ids: Uint32Array };

/** A picture, a sound or a film in the prompt. */
export interface MediaItem {
  readonly kind: 'image' | 'audio' | 'video';
  /** The same for the same content: a hash of it, or its address. */
  readonly key: string;
  /** What it takes in the prompt. Default 1, for want of better knowledge. */
  readonly sizeTokens?: number;
  /** Bytes of the prompt's text that stand before it. Default 0. */
  readonly textOffset?: number;
  /** Of a picture whose bytes came with the request. */
  readonly pixels?: { readonly width: number; readonly height: number };
}

/** The client's body, for a producer that has it read by another service. */
export interface RequestBody {
  /** Family of the API, such as `chat-completions` or `messages`. */
  readonly api: string;
  /** The body as it came, byte for byte, but for another model. The bytes are shared: they must not be changed. */
  withModel(model: string): readonly Uint8Array[];
}

/** One request to be placed. Owned by the caller, constant while it is scheduled. */
export interface SchedulingRequest {
  /** `x-request-id`; unique enough to find its decision again. */
  readonly id: string;
  /** Model the client asked for. */
  readonly model: string;
  /** Model the engine will be asked for, after rewrites; a LoRA adapter's name where there is one. */
  readonly targetModel: string;
  /** Lower-case names; values of repeated headers joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly prompt: Prompt;
  /** In the prompt's order. Default none. */
  readonly mediaItems?: readonly MediaItem[];
  /** Keeps prefixes of different salts apart, as engines do. */
  readonly cacheSalt: string;
  /** Upper bound of output tokens, where the client gave one. */
  readonly maxOutputTokens: number | undefined;
  /** Whether the answer comes as server-sent events. */
  readonly streaming: boolean;
  /** Of its objective; 0 is normal, below 0 may be shed. */
  readonly priority: number;
  /** Tenant or program it counts for in fairness. */
  readonly fairnessId: string;
  /** Size of the body as it came. */
  readonly bodyBytes: number;
  /** Absent where no producer reads it, or nobody understood it. */
  readonly body?: RequestBody;
}
