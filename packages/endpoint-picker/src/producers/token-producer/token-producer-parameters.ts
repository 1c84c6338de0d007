// SPDX-License-Identifier: Apache-2.0
import { goDuration } from '@llm-d/scheduler-core';
import * as z from 'zod';

const count = z.int().min(1);
const rate = z.number().positive();
const resolution = (what: string) =>
  z
    .strictObject({
      width: count.describe('Pixels.'),
      height: count.describe('Pixels.'),
    })
    .default({ width: 640, height: 360 })
    .describe(what);

const image = z
  .strictObject({
    mode: z
      .enum(['dynamic', 'static'])
      .default('dynamic')
      .describe('Tokens of a picture by its size, or the same for all.'),
    defaultResolution: resolution('Size of pictures that do not come with the request.'),
    dynamic: z
      .strictObject({ factor: count.default(1024).describe('Pixels of a token.') })
      .prefault({})
      .describe('For mode dynamic.'),
    static: z
      .strictObject({ staticToken: count.default(1).describe('Tokens of a picture.') })
      .prefault({})
      .describe('For mode static.'),
  })
  .prefault({})
  .describe('How many tokens a picture takes.');

const tokensPerFrame = z
  .strictObject({
    mode: z
      .enum(['dynamic', 'static'])
      .default('dynamic')
      .describe('Tokens of a frame by its size, or the same for all.'),
    dynamic: z
      .strictObject({ factor: count.default(1024).describe('Pixels of a token.') })
      .prefault({})
      .describe('For mode dynamic.'),
    static: z
      .strictObject({ numTokensPerFrame: count.default(1).describe('Tokens of a frame.') })
      .prefault({})
      .describe('For mode static.'),
  })
  .prefault({})
  .describe('How many tokens a frame takes.');

const frames = z
  .strictObject({
    mode: z
      .enum(['sampled', 'strided'])
      .default('sampled')
      .describe('Frames are taken at a rate of their own, or every so many of the film’s.'),
    minFrames: z.int().min(0).default(0).describe('Least frames; 0 = none.'),
    maxFrames: z.int().min(0).default(0).describe('Most frames; 0 = any number.'),
    sampled: z
      .strictObject({
        sampleFPS: rate.default(2).describe('Frames taken in a second.'),
        temporalPatchSize: count.default(1).describe('Frames that become one group of tokens.'),
      })
      .prefault({})
      .describe('For mode sampled.'),
    strided: z
      .strictObject({
        defaultSourceFPS: rate
          .default(24)
          .describe('Frames of a second of film; x-llm-d-video-fps goes before it.'),
        frameStride: count.default(1).describe('Every how many frames one is taken.'),
      })
      .prefault({})
      .describe('For mode strided.'),
  })
  .prefault({})
  .describe('How many frames of a film are looked at.');

const video = z
  .strictObject({
    tokensPerFrame,
    frames,
    defaultResolution: resolution(
      'Size of a frame; x-llm-d-video-resolution (640x360) goes before it.',
    ),
    defaultDuration: rate
      .default(10)
      .describe('Seconds of a film; x-llm-d-video-duration-seconds goes before it.'),
    maxVideoTokens: z.int().min(0).default(0).describe('Most tokens of a film; 0 = any number.'),
  })
  .prefault({})
  .describe('How many tokens a film takes.');

const vllm = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
    .default('http://localhost:8000')
    .describe('Server with the render endpoints.'),
  timeout: goDuration.prefault('5s').describe('Longest that rendering text may take.'),
  mmTimeout: goDuration
    .prefault('30s')
    .describe('Longest that rendering a prompt with media may take.'),
});

const local = z.strictObject({
  directory: z
    .string()
    .min(1)
    .describe(
      'Folder of the model with tokenizer.json, tokenizer_config.json and, where they are, chat_template.jinja and config.json.',
    ),
  chatTemplateFile: z
    .string()
    .min(1)
    .optional()
    .describe('Jinja file instead of the model’s chat template; as vLLM’s --chat-template.'),
  contentFormat: z
    .enum(['auto', 'string', 'openai'])
    .default('auto')
    .describe('How content is given to the template; as vLLM’s --chat-template-content-format.'),
  chatTemplateKwargs: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'Variables of the template where requests do not set them; as vLLM’s --default-chat-template-kwargs.',
    ),
  workers: count.default(1).describe('Threads; each holds the vocabulary and a cache of its own.'),
  maxQueue: count.default(256).describe('Requests that wait for a thread; more are estimated.'),
  timeout: goDuration.prefault('1s').describe('Longest that it may take, waiting included.'),
  cacheBytes: z
    .int()
    .min(0)
    .default(64 * 1024 * 1024)
    .describe('Tokens of prompts that begin alike, kept by each thread; 0 = none.'),
});

/** Parameters of `token-producer`. */
export const tokenProducerParameters = z
  .strictObject({
    modelName: z
      .string()
      .min(1)
      .optional()
      .describe('Model whose tokenizer and template render the prompt; selects the backend vllm.'),
    vllm: vllm
      .optional()
      .describe('Has a vLLM server render and tokenize the prompt. Needs modelName.'),
    local: local
      .optional()
      .describe('Renders and tokenizes the prompt in threads of this process.'),
    estimate: z
      .strictObject({ image, video })
      .optional()
      .describe('Takes every four bytes of the prompt for one token. The default backend.'),
    udsTokenizerConfig: z
      .unknown()
      .optional()
      .refine((config) => config === undefined, {
        error:
          'the tokenizer on a Unix socket is deprecated in llm-d-router v0.10.0 and not available here; use vllm',
      })
      .describe('Refused: llm-d’s deprecated tokenizer on a Unix socket.'),
  })
  .refine((p) => p.vllm === undefined || p.modelName !== undefined, {
    path: ['modelName'],
    error: 'missing; vllm needs it',
  })
  .refine((p) => p.estimate === undefined || (p.vllm ?? p.modelName) === undefined, {
    path: ['estimate'],
    error: 'vllm and estimate are two backends; give one of them',
  })
  .refine((p) => p.local === undefined || (p.vllm ?? p.modelName) === undefined, {
    path: ['local'],
    error: 'local and vllm (modelName) are two backends; give one of them',
  });

export type TokenProducerParameters = z.output<typeof tokenProducerParameters>;
export type EstimateParameters = NonNullable<TokenProducerParameters['estimate']>;
export type LocalParameters = NonNullable<TokenProducerParameters['local']>;
export type RenderParameters = NonNullable<TokenProducerParameters['vllm']>;

/** The estimate where nothing is said about it. */
export const defaultEstimate: EstimateParameters = z.strictObject({ image, video }).parse({});

/** The render server where only a model is named. */
export const defaultRender: RenderParameters = vllm.parse({});
