// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';
import { deciderNamed, deciderReferences } from '../deciders-of.ts';
import { createDisaggregationCounter } from '../disaggregation-counter.ts';
import { atPort, writeDataParallelHeader, writeStageHeaders } from '../stage-headers.ts';
import { createStageHandler } from '../stages.ts';

const TYPE = 'pd-profile-handler';

const parameters = z.strictObject({
  decodeProfile: z.string().min(1).default('decode').describe('Profile of the stage decode.'),
  prefillProfile: z.string().min(1).default('prefill').describe('Profile of the stage prefill.'),
  deciderPluginName: z
    .string()
    .min(1)
    .default('prefix-based-pd-decider')
    .describe('Plugin that decides whether prefill runs apart.'),
  primaryPort: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe('Port that all data-parallel ranks of a pod are reached through; 0 = each its own.'),
  prefixPluginType: z.string().optional().describe('Deprecated, without effect.'),
  prefixPluginName: z.string().optional().describe('Deprecated, without effect.'),
});

/** The forerunner of `disagg-profile-handler`, without encoding. */
export const pdProfileHandler = definePlugin({
  type: TYPE,
  summary: 'Chooses endpoints for decoding and, where a decider wants it, for prefill.',
  stability: 'beta',
  deprecated: 'use disagg-profile-handler',
  points: ['profile-handler', 'pre-request'],
  parameters,
  references: (p) => deciderReferences(p.deciderPluginName),
  profileProblem: ({ decodeProfile }, profiles) =>
    profiles.includes(decodeProfile)
      ? undefined
      : `${TYPE} needs a profile called "${decodeProfile}"`,
  create: ({ decodeProfile, prefillProfile, deciderPluginName, primaryPort }, context) => {
    const count = createDisaggregationCounter(TYPE, context);
    const handler = createStageHandler({
      order: 'decode-first',
      decode: decodeProfile,
      prefill: prefillProfile,
      encode: '',
      prefillDecider: deciderNamed(deciderPluginName, context),
      encodeDecider: undefined,
    });
    return {
      profileHandler:
        primaryPort === 0
          ? handler
          : { ...handler, destination: (endpoint) => atPort(endpoint, primaryPort) },
      preRequest: {
        preRequest: ({ request }, result, headers) => {
          const prefill = result.outcomes.get(prefillProfile)?.picked[0];
          writeStageHeaders(headers, prefill, []);
          if (primaryPort !== 0) writeDataParallelHeader(headers, result);
          count(request.targetModel, { encode: false, prefill: prefill !== undefined });
        },
      },
    };
  },
});
