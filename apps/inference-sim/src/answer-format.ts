// SPDX-License-Identifier: Apache-2.0

/** What all pieces of one HTTP answer share. */
export interface AnswerHead {
  readonly kind: 'chat' | 'completion';
  readonly id: string;
  readonly createdSeconds: number;
  readonly model: string;
  readonly systemFingerprint: string;
}

/** Token counts of an answer. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  /** Prompt tokens whose blocks the request added to the prefix cache. */
  readonly createdTokens: number;
}

/** One finished choice of an answer that is not streamed. */
export interface Choice {
  readonly text: string;
  readonly finishReason: string;
  /** Set if the client asked for token ids. */
  readonly tokenIds: readonly number[] | null;
  readonly promptTokenIds: readonly number[] | null;
}

/** One event of a streamed answer. */
export interface Delta {
  readonly index: number;
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly tokenIds: readonly number[] | null;
  readonly promptTokenIds: readonly number[] | null;
  /** Set if every event carries usage. */
  readonly usage: Usage | undefined;
  /** The event is the last to carry vLLM's fingerprint: the end, unless a usage event follows. */
  readonly fingerprint: boolean;
}

export const DONE_EVENT = 'data: [DONE]\n\n';

const json = JSON.stringify;

/** The body of an answer that is not streamed, field by field in vLLM's order. */
export function answerBody(head: AnswerHead, choices: readonly Choice[], usage: Usage): string {
  const chat = head.kind === 'chat';
  return json({
    id: head.id,
    object: chat ? 'chat.completion' : 'text_completion',
    created: head.createdSeconds,
    model: head.model,
    choices: choices.map((choice, i) =>
      chat ? chatChoice(choice, i) : completionChoice(choice, i),
    ),
    service_tier: null,
    system_fingerprint: head.systemFingerprint,
    usage: {
      prompt_tokens: usage.promptTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
      completion_tokens: usage.completionTokens,
      prompt_tokens_details: {
        cached_tokens: usage.cachedTokens,
        created_cache_tokens: chat ? usage.createdTokens : null,
        multimodal_tokens: null,
      },
      completion_tokens_details: null,
    },
    ...(chat
      ? {
          prompt_logprobs: null,
          prompt_token_ids: choices[0]?.promptTokenIds ?? null,
          prompt_text: null,
        }
      : {}),
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  });
}

function chatChoice(choice: Choice, index: number) {
  return {
    index,
    message: {
      role: 'assistant',
      content: choice.text,
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      reasoning: null,
    },
    logprobs: null,
    finish_reason: choice.finishReason,
    stop_reason: null,
    token_ids: choice.tokenIds,
    routed_experts: null,
  };
}

function completionChoice(choice: Choice, index: number) {
  return {
    index,
    text: choice.text,
    logprobs: null,
    finish_reason: choice.finishReason,
    stop_reason: null,
    token_ids: choice.tokenIds,
    prompt_logprobs: null,
    prompt_token_ids: choice.promptTokenIds,
    routed_experts: null,
  };
}

/** Writes the events of one streamed answer as text; what does not change is put together once. */
export class EventFormat {
  readonly #chat: boolean;
  readonly #start: string;
  readonly #fingerprint: string;

  constructor(head: AnswerHead) {
    this.#chat = head.kind === 'chat';
    const object = this.#chat ? 'chat.completion.chunk' : 'text_completion';
    const shared = { id: head.id, object, created: head.createdSeconds, model: head.model };
    this.#start = `data: ${json(shared).slice(0, -1)},"choices":[`;
    this.#fingerprint = `,"system_fingerprint":${json(head.systemFingerprint)}`;
  }

  /** The event that opens each choice of a chat. */
  role(index: number, promptTokenIds: readonly number[] | null, usage: Usage | undefined): string {
    const choice = `{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}`;
    const ids = promptTokenIds === null ? 'null' : json(promptTokenIds);
    return `${this.#start}${choice}]${this.#runningUsage(usage)},"prompt_token_ids":${ids},"prompt_text":null}\n\n`;
  }

  delta(delta: Delta): string {
    const { index, finishReason, usage } = delta;
    const ids = delta.tokenIds === null ? 'null' : json(delta.tokenIds);
    const finish = finishReason === undefined ? 'null' : `"${finishReason}"`;
    const choice = this.#chat
      ? `{"index":${index},"delta":{"content":${json(delta.text)}},"logprobs":null,"finish_reason":${finish}` +
        `${finishReason === undefined ? '' : ',"stop_reason":null'},"token_ids":${ids}}`
      : `{"index":${index},"text":${json(delta.text)},"logprobs":null,"finish_reason":${finish},"stop_reason":null,` +
        `"prompt_token_ids":${delta.promptTokenIds === null ? 'null' : json(delta.promptTokenIds)},"token_ids":${ids}}`;
    const fingerprint = delta.fingerprint ? this.#fingerprint : '';
    return `${this.#start}${choice}]${this.#runningUsage(usage)}${fingerprint}}\n\n`;
  }

  /** The event after the last choice's end, if usage was asked for. */
  usage(usage: Usage): string {
    const created = this.#chat ? `,"created_cache_tokens":${usage.createdTokens}` : '';
    const details = `,"prompt_tokens_details":{"cached_tokens":${usage.cachedTokens}${created}}`;
    return `${this.#start}],"usage":{${counts(usage)}${details}}${this.#fingerprint}}\n\n`;
  }

  #runningUsage(usage: Usage | undefined): string {
    if (usage === undefined) return '';
    return `,"usage":{${counts(usage)}${this.#chat ? ',"completion_tokens_details":null' : ''}}`;
  }
}

function counts({ promptTokens, completionTokens }: Usage): string {
  const total = promptTokens + completionTokens;
  return `"prompt_tokens":${promptTokens},"total_tokens":${total},"completion_tokens":${completionTokens}`;
}
