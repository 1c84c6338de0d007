// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { ReportedUsage } from './target.ts';

/** What a response body, or one event of a streamed one, says that a measurement needs. */
export interface OpenAiAnswer {
  /** Text of the first choice; empty for an event without any, such as the one that names the role. */
  readonly text: string;
  readonly usage?: ReportedUsage;
  /** Message of an error that is reported in place of an answer. */
  readonly error?: string;
}

const usageSchema = z.object({
  prompt_tokens: z.number().nullish(),
  completion_tokens: z.number().nullish(),
  prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
});

const messageSchema = z.object({
  content: z.string().nullish(),
  /** Thinking is output as well; vLLM has used both names. */
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
});

const bodySchema = z.object({
  choices: z
    .array(
      z.object({
        text: z.string().nullish(),
        delta: messageSchema.nullish(),
        message: messageSchema.nullish(),
      }),
    )
    .nullish(),
  usage: usageSchema.nullish(),
  error: z.union([z.object({ message: z.string() }), z.string()]).nullish(),
});

type Body = z.infer<typeof bodySchema>;

/**
 * Reads a chat completion, a text completion, or an event of either. Undefined when the JSON is neither;
 * throws `SyntaxError` when it is no JSON.
 */
export function readOpenAiAnswer(json: string): OpenAiAnswer | undefined {
  const parsed = bodySchema.safeParse(JSON.parse(json));
  if (!parsed.success) return undefined;
  const { choices, usage, error } = parsed.data;
  if (choices == null && usage == null && error == null) return undefined;
  return {
    text: textOf(choices?.[0]),
    ...(usage && { usage: usageOf(usage) }),
    ...(error != null && { error: typeof error === 'string' ? error : error.message }),
  };
}

function textOf(choice: NonNullable<Body['choices']>[number] | undefined): string {
  if (choice === undefined) return '';
  if (choice.text != null) return choice.text;
  const message = choice.delta ?? choice.message;
  return (message?.reasoning_content ?? message?.reasoning ?? '') + (message?.content ?? '');
}

function usageOf(usage: z.infer<typeof usageSchema>): ReportedUsage {
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = usage;
  const cached = prompt_tokens_details?.cached_tokens;
  return {
    ...(prompt_tokens != null && { promptTokens: prompt_tokens }),
    ...(completion_tokens != null && { completionTokens: completion_tokens }),
    ...(cached != null && { cachedTokens: cached }),
  };
}
