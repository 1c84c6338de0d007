// SPDX-License-Identifier: Apache-2.0
import { anthropicToChat } from '../anthropic-to-chat.ts';
import { isArray, isNumber, isObject, type JsonObject, type JsonText } from '../json/json-text.ts';
import {
  chatOptionsOf,
  flag,
  renderChat,
  type ChatOptions,
  type ChatSettings,
} from './chat-request.ts';
import {
  createPrefixTokenCache,
  type PrefixTokenCacheStats,
} from './encoding/prefix-token-cache.ts';
import { createTextEncoder, type TextEncoder } from './encoding/text-encoder.ts';
import { TokenList } from './encoding/token-list.ts';
import { isRecord, type JsonRecord } from './encoding/tokenizer-json.ts';
import { createChatTemplate, type ChatTemplate } from './template/chat-template.ts';
import type { ContentFormat } from './template/content-format.ts';
import { invalidPrompt, TokenizerError, unsupportedPrompt } from './tokenizer-error.ts';

/** What a model's folder says about its tokens. */
export interface TokenizerFiles {
  /** `tokenizer.json`, parsed. */
  readonly tokenizerJson: unknown;
  /** `tokenizer_config.json`, parsed. Default empty. */
  readonly tokenizerConfig?: unknown;
  /** Jinja. Default `chat_template` of the configuration. */
  readonly chatTemplate?: string;
  /** `model_type` of `config.json`. */
  readonly modelType?: string;
}

export interface TokenizerOptions {
  /** Time of day (ms since the epoch) for templates that print the date. */
  readonly now: () => number;
  /** How content is given to the template; vLLM's `--chat-template-content-format`. Default by the template. */
  readonly contentFormat?: ContentFormat;
  /** Variables of the template that requests do not set; vLLM's `--default-chat-template-kwargs`. Default none. */
  readonly defaultTemplateKwargs?: JsonObject;
  /** Most bytes of tokens that are remembered for texts that begin alike. Default 64 MiB; 0 remembers none. */
  readonly cacheBytes?: number;
}

/** API families whose requests can be tokenized. Anthropic's are, as the chats that vLLM makes of them. */
export type TokenizedApi = 'completions' | 'chat-completions' | 'messages' | 'count-tokens';

/** The prompts of a request as tokens. */
export interface TokenizedRequest {
  /** Of all prompts, one behind the other. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Where the second and each further prompt begins, ascending; empty where there is one. */
  readonly promptStarts: readonly number[];
}

/** Turns what an engine is asked into the tokens that it will see. All of it throws {@link TokenizerError}. */
export interface Tokenizer {
  /** Ids of a text. `addSpecialTokens` (default true): with those that the model wants around it. */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): Uint32Array<ArrayBuffer>;
  /** The text that the chat template makes of a conversation. */
  renderChat(messages: JsonText, options?: ChatOptions): string;
  /** The tokens of a request's body. */
  tokenizeRequest(api: TokenizedApi, body: JsonText): TokenizedRequest;
  /** How the template wants content; undefined where there is no template. */
  readonly contentFormat: ContentFormat | undefined;
  readonly cacheStats: PrefixTokenCacheStats;
}

/** Models that vLLM renders by code of its own rather than by their template. */
const OWN_RENDERERS: ReadonlySet<string> = new Set([
  'gpt_oss',
  'deepseek_v32',
  'deepseek_v4',
  'deepseek_v41',
  'kimi_k3',
  'kimi_audio',
  'inkling',
]);
const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;

/** A tokenizer that agrees with vLLM's, token for token. Throws a {@link TokenizerError} where it could not. */
export function createTokenizer(files: TokenizerFiles, options: TokenizerOptions): Tokenizer {
  const { tokenizerJson, tokenizerConfig: config = {}, modelType } = files;
  if (!isRecord(tokenizerJson) || !isRecord(config)) {
    throw new TokenizerError('TOKENIZER_FILES', 'the files of the tokenizer hold no objects');
  }
  const cache = createPrefixTokenCache({ maxBytes: options.cacheBytes ?? DEFAULT_CACHE_BYTES });
  const encoder = createTextEncoder(tokenizerJson, config, cache);
  const templates = templatesOf(files, config, options);
  const settings: ChatSettings = { ...options, specialTokens: specialTokensOf(config) };

  const render = (messages: JsonText | undefined, given: ChatOptions): string => {
    if (modelType !== undefined && OWN_RENDERERS.has(modelType)) {
      throw unsupportedPrompt(`a conversation with ${modelType}, which vLLM renders by code`);
    }
    const hasTools = given.tools !== undefined && given.tools !== null;
    const template = (hasTools ? templates.forTools : undefined) ?? templates.usual;
    if (template === undefined) throw unsupportedPrompt('a model without a chat template');
    return renderChat(template, messages, { ...given, settings });
  };
  const encodeChat = (body: JsonObject): TokenizedRequest => {
    const text = render(body['messages'], chatOptionsOf(body));
    const addSpecialTokens = flag(body, 'add_special_tokens', false);
    return { ids: encoder.encode(text, { addSpecialTokens }), promptStarts: [] };
  };

  return {
    encode: (text, { addSpecialTokens = true } = {}) => encoder.encode(text, { addSpecialTokens }),
    renderChat: (messages, given = {}) => render(messages, given),
    tokenizeRequest: (api, body) => {
      if (!isObject(body)) throw invalidPrompt('the body is not an object');
      switch (api) {
        case 'completions':
          return encodePrompts(body, encoder);
        case 'chat-completions':
          return encodeChat(body);
        case 'messages':
        case 'count-tokens':
          return encodeChat(anthropicToChat(body));
      }
    },
    contentFormat: options.contentFormat ?? templates.usual?.contentFormat,
    get cacheStats() {
      return cache.stats;
    },
  };
}

interface Templates {
  readonly usual: ChatTemplate | undefined;
  /** Of models that have a template of its own for requests with tools. */
  readonly forTools: ChatTemplate | undefined;
}

function templatesOf(
  { chatTemplate }: TokenizerFiles,
  { chat_template: configured }: JsonRecord,
  options: TokenizerOptions,
): Templates {
  const compile = (source: unknown) =>
    typeof source === 'string' ? createChatTemplate(source, options) : undefined;
  const given = chatTemplate ?? configured;
  if (!Array.isArray(given)) return { usual: compile(given), forTools: undefined };
  const named = (name: string): unknown =>
    given.filter(isRecord).find((template) => template['name'] === name)?.['template'];
  return { usual: compile(named('default')), forTools: compile(named('tool_use')) };
}

/** The tokens that templates know by name. */
function specialTokensOf(config: JsonRecord): Readonly<Record<string, string>> {
  const tokens: Record<string, string> = {};
  for (const kind of ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask']) {
    const name = `${kind}_token`;
    const token = config[name];
    const content = isRecord(token) ? token['content'] : token;
    if (typeof content === 'string') tokens[name] = content;
  }
  return tokens;
}

/** A completion's prompt: a text, token ids, or several of either. */
function encodePrompts(body: JsonObject, encoder: TextEncoder): TokenizedRequest {
  for (const name of ['prompt_embeds', 'suffix', 'truncate_prompt_tokens'] as const) {
    if ((body[name] ?? null) !== null) throw unsupportedPrompt(name);
  }
  const addSpecialTokens = flag(body, 'add_special_tokens', true);
  const { prompt = null } = body;
  const into = new TokenList();
  const promptStarts: number[] = [];
  const prompts = isArray(prompt) && !prompt.every(isNumber) ? prompt : [prompt];
  for (const [i, one] of prompts.entries()) {
    if (i > 0) promptStarts.push(into.length);
    if (typeof one === 'string') into.pushAll(encoder.encode(one, { addSpecialTokens }));
    else if (isArray(one)) for (const id of one) into.push(tokenId(id));
    else throw invalidPrompt('prompt is neither text nor token ids');
  }
  return { ids: into.slice(), promptStarts };
}

function tokenId(value: JsonText): number {
  const id = isNumber(value) ? Number(value.text) : NaN;
  if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) {
    throw invalidPrompt('prompt holds something that is no token id');
  }
  return id;
}
