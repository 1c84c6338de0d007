import { describe, expect, test } from 'vitest';
import { parseJsonText } from '../json/json-text.ts';
import { testJson, testText, testTokenizer, tinyModel } from './fixtures.testing.ts';
import type { ContentFormat } from './template/content-format.ts';
import { loadTokenizerDirectory } from './tokenizer-directory.ts';
import { createTokenizer, type TokenizedApi } from './tokenizer.ts';

interface Captured {
  readonly name: string;
  readonly api: TokenizedApi;
  readonly body: string;
  readonly ids: readonly number[];
}
interface TextGolden {
  readonly plain: readonly number[];
  readonly special: readonly number[];
}
interface ChatGolden {
  readonly name: string;
  readonly template: string;
  readonly tokenizer: string;
  readonly config: object;
  readonly body: string;
  readonly refused?: true;
  readonly contentFormat?: ContentFormat;
  readonly text?: string;
  readonly ids?: readonly number[];
}
interface Goldens {
  readonly texts: Readonly<Record<string, readonly TextGolden[]>>;
  readonly chats: readonly ChatGolden[];
}

const now = () => Date.UTC(2024, 6, 26);
const goldens = testJson('goldens.json') as Goldens;
const texts = testJson('texts.json') as string[];
const tiny = createTokenizer(await loadTokenizerDirectory(tinyModel), { now });

test.each(testJson('vllm-captured.json') as Captured[])(
  'a real vLLM saw the same tokens: $name',
  ({ api, body, ids }) => {
    expect([...tiny.tokenizeRequest(api, parseJsonText(body)).ids]).toEqual(ids);
  },
);

describe.each(Object.entries(goldens.texts))('texts in %s', (name, expected) => {
  const tokenizer = createTokenizer({ tokenizerJson: testTokenizer(name) }, { now });
  test.each(texts.map((text, i) => [text, expected[i]] as const))('%j', (text, golden) => {
    expect([...tokenizer.encode(text, { addSpecialTokens: false })]).toEqual(golden?.plain);
    expect([...tokenizer.encode(text)]).toEqual(golden?.special);
  });
});

test.each(goldens.chats)(
  'vLLM renders the same: $name',
  ({ template, tokenizer: name, config, body, refused, contentFormat, ids }) => {
    const tokenizer = createTokenizer(
      {
        tokenizerJson: testTokenizer(name),
        tokenizerConfig: config,
        chatTemplate: testText(`templates/${template}.jinja`),
      },
      { now },
    );
    const tokenize = () => [
      ...tokenizer.tokenizeRequest('chat-completions', parseJsonText(body)).ids,
    ];
    if (refused === true) expect(tokenize).toThrow();
    else {
      expect(tokenize()).toEqual(ids);
      expect(tokenizer.contentFormat).toBe(contentFormat);
    }
  },
);

describe('a request', () => {
  const refusalOf = (api: TokenizedApi, body: object) => {
    try {
      tiny.tokenizeRequest(api, parseJsonText(JSON.stringify(body)));
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const hi = [{ role: 'user', content: 'Hi' }];
  const picture = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,QQ==' } }];

  test.each<[string, TokenizedApi, object, string, string]>([
    [
      'a picture',
      'chat-completions',
      { messages: [{ role: 'user', content: picture }] },
      'PROMPT_UNSUPPORTED',
      'messages[0].content[0] is of type image_url',
    ],
    [
      'a template of its own',
      'chat-completions',
      { messages: hi, chat_template: 'x' },
      'PROMPT_UNSUPPORTED',
      'chat_template',
    ],
    [
      'a limit on its prompt',
      'chat-completions',
      { messages: hi, truncate_prompt_tokens: 5 },
      'PROMPT_UNSUPPORTED',
      'truncate_prompt_tokens',
    ],
    [
      'embeddings',
      'completions',
      { prompt: 'x', prompt_embeds: 'QQ==' },
      'PROMPT_UNSUPPORTED',
      'prompt_embeds',
    ],
    ['a suffix', 'completions', { prompt: 'x', suffix: 'y' }, 'PROMPT_UNSUPPORTED', 'suffix'],
    ['no messages', 'chat-completions', {}, 'PROMPT_INVALID', 'messages is not an array'],
    [
      'an empty conversation',
      'chat-completions',
      { messages: [] },
      'PROMPT_INVALID',
      'messages is empty',
    ],
    ['no prompt', 'completions', {}, 'PROMPT_INVALID', 'prompt is neither'],
    ['ids that are none', 'completions', { prompt: [1, -1] }, 'PROMPT_INVALID', 'no token id'],
    [
      'a forbidden variable',
      'chat-completions',
      { messages: hi, chat_template_kwargs: { tokenize: 1 } },
      'PROMPT_INVALID',
      'chat_template_kwargs.tokenize',
    ],
    [
      'a flag that is none',
      'chat-completions',
      { messages: hi, add_generation_prompt: 1 },
      'PROMPT_INVALID',
      'add_generation_prompt',
    ],
    [
      'a message of no role',
      'chat-completions',
      { messages: [{ content: 'x' }] },
      'PROMPT_INVALID',
      'messages[0].role',
    ],
  ])('with %s is refused', (_, api, body, code, message) => {
    expect(refusalOf(api, body)).toMatchObject({
      code,
      message: expect.stringContaining(message) as unknown,
    });
  });

  test('may bring several prompts, texts and ids', () => {
    const tokens = (body: string) => {
      const { ids, promptStarts } = tiny.tokenizeRequest('completions', parseJsonText(body));
      return { ids: [...ids], promptStarts };
    };
    expect(tokens('{"prompt":["Hello world",[7,8],"The system"]}')).toEqual({
      ids: [1, 1111, 602, 7, 8, 1, 742, 613],
      promptStarts: [3, 5],
    });
    expect(tokens('{"prompt":[7,8]}')).toEqual({ ids: [7, 8], promptStarts: [] });
  });

  test('of Anthropic is the chat that it stands for', () => {
    const anthropic = {
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: 1' },
        { type: 'text', text: 'Be brief.' },
      ],
      messages: hi,
    };
    const chat = { messages: [{ role: 'system', content: 'Be brief.' }, ...hi] };
    const idsOf = (api: TokenizedApi, body: object) =>
      tiny.tokenizeRequest(api, parseJsonText(JSON.stringify(body)));
    expect(idsOf('messages', anthropic)).toEqual(idsOf('chat-completions', chat));
    expect(idsOf('count-tokens', anthropic)).toEqual(idsOf('chat-completions', chat));
  });
});

describe('a model', () => {
  const tokenizerJson = testTokenizer('qwen-like');
  const messages = parseJsonText('[{"role":"user","content":"Hi"}]');

  test('may have a template for tools', () => {
    const chat_template = [
      { name: 'default', template: '{{ messages[0].content }}' },
      { name: 'tool_use', template: '{{ tools[0].function.name }}' },
    ];
    const tokenizer = createTokenizer(
      { tokenizerJson, tokenizerConfig: { chat_template } },
      { now },
    );
    expect(tokenizer.renderChat(messages)).toBe('Hi');
    const tools = parseJsonText('[{"function":{"name":"f"}}]');
    expect(tokenizer.renderChat(messages, { tools })).toBe('f');
  });

  test('has its special tokens by name, and variables of the server', () => {
    const tokenizer = createTokenizer(
      {
        tokenizerJson,
        tokenizerConfig: { bos_token: { content: '<s>' }, eos_token: null },
        chatTemplate:
          '{{ bos_token }}{{ eos_token is defined }}{{ a }}{{ b }}{{ strftime_now("%d %b %Y") }}',
      },
      { now, defaultTemplateKwargs: { a: '1', b: '2' } },
    );
    const chatTemplateKwargs = { a: '3', b: null };
    expect(tokenizer.renderChat(messages, { chatTemplateKwargs })).toBe('<s>False3226 Jul 2024');
  });

  test('that vLLM renders by code has no conversations here, but prompts', () => {
    const tokenizer = createTokenizer(
      { tokenizerJson, modelType: 'gpt_oss', chatTemplate: 'x' },
      { now },
    );
    expect(() => tokenizer.renderChat(messages)).toThrow('gpt_oss');
    expect(tokenizer.encode('Hi').length).toBeGreaterThan(0);
  });

  test('without a template has no conversations', () => {
    expect(() => createTokenizer({ tokenizerJson }, { now }).renderChat(messages)).toThrow(
      'a model without a chat template',
    );
  });

  test.each<[string, unknown, string]>([
    ['no object', [], 'hold no objects'],
    ['no model', {}, 'has no model'],
    ['merges left out at random', { model: { dropout: 0.1 } }, 'dropout'],
    ['a normalizer in binary', { model: {}, normalizer: { type: 'Precompiled' } }, 'precompiled'],
    [
      'cuts that join pieces',
      {
        model: {},
        pre_tokenizer: { type: 'Split', pattern: { String: '.' }, behavior: 'MergedWithNext' },
      },
      'a split that is MergedWithNext',
    ],
    [
      'tokens that are words',
      { ...tokenizerJson, added_tokens: [{ id: 1, content: 'x', single_word: true }] },
      'a single word',
    ],
    ['steps that nobody knows', { ...tokenizerJson, normalizer: { type: 'New' } }, 'New'],
  ])('with %s is refused', (_, json, message) => {
    expect(() => createTokenizer({ tokenizerJson: json }, { now })).toThrow(message);
  });

  test('has the added tokens of both of its files', () => {
    const tokenizerConfig = {
      added_tokens_decoder: {
        9000: { content: '<new>', special: true },
        1: { content: '<|im_start|>' },
      },
    };
    const tokenizer = createTokenizer({ tokenizerJson, tokenizerConfig }, { now });
    expect([...tokenizer.encode('<new><|im_start|>')]).toEqual([9000, 1]);
  });
});
