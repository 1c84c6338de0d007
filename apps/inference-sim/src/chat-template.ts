// SPDX-License-Identifier: Apache-2.0
import { concatTokens, tokenize } from './token-text.ts';

/** A message of a conversation, its content already flat text. */
export interface ChatMessage {
  readonly role: string;
  readonly text: string;
}

/**
 * Tokens of a conversation in a ChatML-like form. Header, content and end of each message are tokenized apart, so each starts
 * on a whole token: an answer sent back in the next turn has the very tokens that the engine generated.
 */
export function renderChat(
  messages: readonly ChatMessage[],
  options: { readonly addGenerationPrompt: boolean },
): Uint32Array {
  const parts: Uint32Array[] = [];
  for (const { role, text } of messages) parts.push(header(role), tokenize(text), END);
  if (options.addGenerationPrompt) parts.push(header('assistant'));
  return concatTokens(parts);
}

const header = (role: string): Uint32Array => tokenize(`<|im_start|>${role}\n`);
const END = tokenize('<|im_end|>\n');
